//! Ctrl-C and SIGTERM.

use std::future::Future;

use anyhow::{Result, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::Answer;

/// Cancelled by Ctrl-C or SIGTERM.
pub(crate) fn stop_on_signal() -> Result<CancellationToken> {
    let stop = CancellationToken::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let (mut signals, stop) = (signal(kind)?, stop.clone());
        tokio::spawn(async move {
            signals.recv().await;
            stop.cancel();
        });
    }
    Ok(stop)
}

/// Keeps SIGXFSZ from ending the process: a write beyond the file size limit fails with an error instead, which the store
/// reports. A handler is installed, since to ignore a signal takes unsafe code.
pub(crate) fn survive_file_size_limit() -> Result<()> {
    signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())).map(drop).map_err(Into::into)
}

/// Runs a command until it is done or interrupted. It may be given up at any moment: what it leaves behind, its repeat
/// goes on from.
pub(crate) fn run(command: impl Future<Output = Result<Answer>> + Send + 'static) -> Result<Answer> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        let stop = stop_on_signal()?;
        survive_file_size_limit()?;
        // Another task: it may be waiting for a pipe.
        let command = tokio::spawn(command);
        tokio::select! {
            done = command => done?,
            () = stop.cancelled() => bail!("interrupted"),
        }
    });
    runtime.shutdown_background();
    done
}
