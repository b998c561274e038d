//! What is asked of a long log.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use eventlog_tests::client::{Client, Request};
use eventlog_tests::process::Server;
use eventlog_tests::timing::Bound;
use serde_json::Value;

use super::export::{event_id, event_type};
use crate::gateway::workload::{Ask, BODY, compare};

const LIMIT: u32 = 100;

/// Page 1, the last whole page, a cursor page from the middle, and one of these with a filter: each with its median.
pub(crate) async fn pages(server: &Server, events: u32, bound: Bound) -> Result<[(String, Duration); 4]> {
    let middle = event_id(events / 2);
    let paths = [
        format!("/events?page=1&limit={LIMIT}"),
        format!("/events?page={}&limit={LIMIT}", events / LIMIT),
        format!("/events?after={middle}&limit={LIMIT}"),
        format!("/events?after={middle}&limit={LIMIT}&eventType={}", event_type(3)),
    ];
    let requests = paths.each_ref().map(|path| (server.port, Request::get(server.port, path)));
    let first = [0, events - LIMIT, events / 2 + 1, events / 2 + 3].map(|n| event_id(n).to_string());
    let check = |nth: usize, body: &[u8]| {
        let body: Value = serde_json::from_slice(body)?;
        let read = body.as_array().context("an array")?;
        ensure!(read.len() == LIMIT as usize, "{} events", read.len());
        ensure!(read[0]["_id"] == first[nth], "{} comes first, not {}", read[0]["_id"], first[nth]);
        Ok(())
    };
    let medians = compare(&requests, check, bound).await?;
    let mut paths = paths.into_iter();
    Ok(medians.map(|median| (paths.next().unwrap_or_default(), median)))
}

/// The median of a POST to each, in turn.
pub(crate) async fn posts(long: &Server, short: &Server, bound: Bound) -> Result<[Duration; 2]> {
    let request = |server: &Server| (server.port, Ask::Post.request(server.port));
    compare(&[request(long), request(short)], |_, body| Ask::Post.check(body), bound).await
}

/// How many times more events a second one client logs in arrays of 500 than one by one: the medians of short turns,
/// which the machine's other work disturbs alike.
pub(crate) async fn batches_against_singles(server: &Server, turns: usize) -> Result<f64> {
    const EVENTS: usize = 500;
    let mut client = Client::connect(server.port).await?;
    let batch = format!("[{}]", vec![BODY; EVENTS].join(","));
    let batch = Request::post(server.port, "/events", &batch);
    let single = Request::post(server.port, "/events", BODY);
    let mut rate = async |request: &Request, times: u32| {
        let since = Instant::now();
        for _ in 0..times {
            client.exchange(request).await?;
        }
        anyhow::Ok(f64::from(times) / since.elapsed().as_secs_f64())
    };
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..turns {
        rates[0].push(rate(&single, 500).await?);
        rates[1].push(rate(&batch, 20).await? * EVENTS as f64);
    }
    let [one, many] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    });
    println!("one client: {one:.0} events/s in single POSTs, {many:.0} in batches of {EVENTS}");
    Ok(many / one)
}
