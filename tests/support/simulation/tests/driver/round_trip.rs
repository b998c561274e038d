use std::time::{Duration, Instant};

use eventlog_simulation::Settings;
use mongodb::bson::doc;

use crate::{client, create_seq_index, start};

/// Returns median and 99th percentile of a ping, then of an insert with `w: majority`.
async fn measure(settings: Settings) -> [Duration; 4] {
    let simulation = start(settings);
    let database = client(&simulation, true).await.database("test");
    let events = database.collection("events");
    create_seq_index(&events).await;
    let (mut pings, mut inserts) = (Vec::new(), Vec::new());
    for n in 0..200 {
        let start = Instant::now();
        database.run_command(doc! { "ping": 1 }).await.expect("a result");
        pings.push(start.elapsed());
        let start = Instant::now();
        events.insert_one(doc! { "seq": n }).await.expect("inserted");
        inserts.push(start.elapsed());
    }
    assert_eq!((simulation.count("ping"), simulation.count("insert")), (200, 200), "one round trip each");
    pings.sort();
    inserts.sort();
    [pings[100], pings[198], inserts[100], inserts[198]]
}

/// Prints the measured times: `cargo test -p eventlog-simulation round_trip -- --nocapture`.
#[tokio::test]
async fn delay_is_at_least_as_long_as_configured() {
    let (zero, two) = (Duration::ZERO, Duration::from_millis(2));
    for (round_trip, majority_delay, precise) in
        [(zero, zero, false), (two, zero, false), (two, zero, true), (two, two, false), (two, two, true)]
    {
        let settings = Settings { round_trip, majority_delay, precise, ..Settings::default() };
        let [ping, ping_worst, insert, insert_worst] = measure(settings).await;
        println!(
            "round trip {round_trip:?}, majority {majority_delay:?}, precise {precise}: \
             ping {ping:?} (p99 {ping_worst:?}), insert {insert:?} (p99 {insert_worst:?})"
        );
        assert!(ping >= round_trip && insert >= round_trip + majority_delay);
    }
}
