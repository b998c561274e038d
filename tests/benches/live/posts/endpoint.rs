//! The management API: an HTTPS endpoint in a process of its own.

use std::path::Path;

use anyhow::Result;
use eventlog_tests::process::Server;
use hyper::Response;
use rustls::RootCertStore;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// As an argument, makes this program the endpoint; a file for its certificate follows.
pub(crate) const ROLE: &str = "--endpoint";

/// Takes all posts until it is terminated.
pub(crate) async fn serve(certificate: &str) -> Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let endpoint = eventlog_testing::Endpoint::start_https(|_| async { Response::default() }).await;
    std::fs::write(certificate, endpoint.certificate().map(|der| &**der).unwrap_or_default())?;
    println!("{}", endpoint.url());
    terminated.recv().await;
    Ok(())
}

/// The running endpoint. Dropped, it is killed.
pub(crate) struct Endpoint {
    server: Server,
    pub(crate) roots: RootCertStore,
}

impl Endpoint {
    pub(crate) async fn start(dir: &Path) -> Result<Self> {
        let certificate = dir.join("certificate.der");
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(ROLE).arg(&certificate);
        let server = Server::start(command, dir.join("output.txt"), |written| {
            written.strip_suffix('\n')?.rsplit_once(':')?.1.parse().ok()
        });
        let server = server.await?;
        let mut roots = RootCertStore::empty();
        roots.add(std::fs::read(certificate)?.into())?;
        Ok(Self { server, roots })
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.port
    }

    pub(crate) async fn stop(self) -> Result<()> {
        self.server.stop().await
    }
}
