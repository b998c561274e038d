//! An export, and how fast it is verified.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use eventlog_chain::{Draft, EventId, Payload, Timestamp, Tip};
use tokio::process::Command;

/// Of ten types, so that a filter leaves a tenth.
pub(crate) fn event_type(n: u32) -> String {
    format!("Login{}", n % 10)
}

/// As in a log that grows by one event a millisecond: an `_id` begins with its time.
pub(crate) fn event_id(n: u32) -> EventId {
    let mut id = [0; 12];
    id[..4].copy_from_slice(&(1_732_264_325 + n / 1000).to_be_bytes());
    id[8..].copy_from_slice(&n.to_be_bytes());
    EventId(id)
}

/// Writes so many events of about 300 bytes.
pub(crate) fn write_export(path: &Path, events: u32) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let (mut tip, mut text) = (None, String::new());
    for n in 0..events {
        let payload = r#"{"userId":"12345","action":"loggedIn","ip":"203.0.113.7","attempt":1}"#;
        let draft = Draft {
            id: event_id(n),
            event_type: event_type(n),
            source_app_id: "App1".into(),
            data_payload: Payload::parse(payload, 64)?,
        };
        let event = draft.link(tip, Timestamp::from_millis(1_732_264_325_000 + i64::from(n))?);
        tip = Some(Tip::from(&event));
        text.clear();
        event.write_json(&mut text);
        text.push('\n');
        file.write_all(text.as_bytes())?;
    }
    Ok(file.flush()?)
}

pub(crate) struct Verified {
    /// Median of the rounds, the start of the process included.
    pub(crate) per_second: f64,
    /// The most memory that was resident in any round, in bytes.
    pub(crate) peak: f64,
}

/// Runs `eventlog verify` on an export.
pub(crate) async fn verify(binary: &Path, export: &Path, events: u32, rounds: usize) -> Result<Verified> {
    let (mut rates, mut peak) = (Vec::new(), 0.0_f64);
    for _ in 0..rounds {
        let mut command = Command::new(binary);
        command.arg("verify").arg(export).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let since = Instant::now();
        let mut process = command.spawn()?;
        let pid = process.id().context("a process id")?;
        let status = loop {
            tokio::select! {
                status = process.wait() => break status?,
                () = tokio::time::sleep(Duration::from_millis(5)) => peak = peak.max(peak_of(pid).unwrap_or(0.0)),
            }
        };
        ensure!(status.success(), "eventlog verify: {status}");
        rates.push(f64::from(events) / since.elapsed().as_secs_f64());
    }
    rates.sort_by(f64::total_cmp);
    Ok(Verified { per_second: rates[rates.len() / 2], peak })
}

/// proc_pid_status(5): `VmHWM:  1234 kB`. `None` when the process has just ended.
fn peak_of(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?;
    kilobytes.parse::<f64>().ok().map(|kilobytes| kilobytes * 1024.0)
}
