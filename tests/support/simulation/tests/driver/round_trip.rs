use std::time::{Duration, Instant};

use eventlog_simulation::Settings;
use mongodb::bson::doc;

use crate::{client, start, unique_seq};

/// The middle and the worst but one in a hundred, for a ping and for an insert with `w: majority`.
async fn measured(settings: Settings) -> [Duration; 4] {
    let simulation = start(settings);
    let database = client(&simulation, true).await.database("test");
    let events = database.collection("events");
    unique_seq(&events).await;
    let (mut pings, mut inserts) = (Vec::new(), Vec::new());
    for n in 0..200 {
        let begun = Instant::now();
        database.run_command(doc! { "ping": 1 }).await.expect("an answer");
        pings.push(begun.elapsed());
        let begun = Instant::now();
        events.insert_one(doc! { "seq": n }).await.expect("inserted");
        inserts.push(begun.elapsed());
    }
    assert_eq!((simulation.count("ping"), simulation.count("insert")), (200, 200), "one round trip each");
    pings.sort();
    inserts.sort();
    [pings[100], pings[198], inserts[100], inserts[198]]
}

/// Prints the figures: `cargo test -p eventlog-simulation round_trip -- --nocapture`.
#[tokio::test]
async fn a_delay_is_at_least_as_long_as_it_is_set() {
    let (zero, two) = (Duration::ZERO, Duration::from_millis(2));
    for (round_trip, majority_delay, precise) in
        [(zero, zero, false), (two, zero, false), (two, zero, true), (two, two, false), (two, two, true)]
    {
        let settings = Settings { round_trip, majority_delay, precise, ..Settings::default() };
        let [ping, ping_worst, insert, insert_worst] = measured(settings).await;
        println!(
            "round trip {round_trip:?}, majority {majority_delay:?}, precise {precise}: \
             ping {ping:?} (p99 {ping_worst:?}), insert {insert:?} (p99 {insert_worst:?})"
        );
        assert!(ping >= round_trip && insert >= round_trip + majority_delay);
    }
}
