//! The addresses on which the server listens.

use std::io::{Error, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context, Result, anyhow};
use rustix::io::Errno;
use tokio::net::{TcpListener, lookup_host};

/// How often a free port is tried that turns out to be taken on the next address.
const MAX_TRIES: usize = 20;

/// One port of each address that a host name stands for.
pub struct Listeners {
    host: String,
    port: u16,
    sockets: Vec<TcpListener>,
}

/// Binds `port` of each address of `host`, with 0 one that is free on all of them. `None` stands for `localhost`: both
/// loopback addresses, as clients may try either of them first.
///
/// # Errors
///
/// An address is taken or not one of this machine's. Where a host name has several, those that this machine lacks are
/// left out: it may have no IPv6.
pub async fn listen(host: Option<&str>, port: u16) -> Result<Listeners> {
    let host = host.unwrap_or("localhost").to_ascii_lowercase();
    let addresses = addresses(&host).await?;
    let mut tries = 0;
    let sockets = loop {
        tries += 1;
        match bind(&addresses, port).await {
            Err((_, error)) if port == 0 && error.kind() == ErrorKind::AddrInUse && tries < MAX_TRIES => {}
            Err((at, error)) if error.kind() == ErrorKind::AddrInUse => {
                return Err(
                    anyhow!(error).context(format!("failed to listen on {at} (--port takes another port)"))
                );
            }
            Err((at, error)) => return Err(anyhow!(error).context(format!("failed to listen on {at}"))),
            Ok(sockets) => break sockets,
        }
    };
    let first = sockets.first().with_context(|| format!("failed to listen on {host}: it has no address"))?;
    let port = first.local_addr()?.port();
    Ok(Listeners { host, port, sockets })
}

async fn addresses(host: &str) -> Result<Vec<IpAddr>> {
    if host == "localhost" {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let found = lookup_host((host, 0)).await.with_context(|| format!("failed to look up the host {host}"))?;
    let mut addresses: Vec<_> = found.map(|address| address.ip()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    Ok(addresses)
}

/// Binds one port of all these addresses that the machine has; 0 is the port that the first of them gets. The error
/// comes with the address.
async fn bind(addresses: &[IpAddr], mut port: u16) -> Result<Vec<TcpListener>, (SocketAddr, Error)> {
    let (mut sockets, mut lacking) = (Vec::new(), None);
    for address in addresses {
        let at = SocketAddr::new(*address, port);
        let bound = async {
            let socket = TcpListener::bind(at).await?;
            Ok((socket.local_addr()?.port(), socket))
        };
        match bound.await {
            Ok((bound_port, socket)) => {
                port = bound_port;
                sockets.push(socket);
            }
            Err(error) if is_lacking(&error) => lacking = Some((at, error)),
            Err(error) => return Err((at, error)),
        }
    }
    match lacking {
        Some(lacking) if sockets.is_empty() => Err(lacking),
        _ => Ok(sockets),
    }
}

/// The machine has no such address, or none of its family.
fn is_lacking(error: &Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT))
}

impl Listeners {
    /// Returns host and port as they stand in a URL that reaches this server and no other on this machine.
    pub fn authority(&self) -> String {
        let port = self.port;
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) if address.is_unspecified() => format!("{}:{port}", Ipv4Addr::LOCALHOST),
            Ok(IpAddr::V6(address)) if address.is_unspecified() => {
                format!("[{}]:{port}", Ipv6Addr::LOCALHOST)
            }
            Ok(IpAddr::V6(address)) => format!("[{address}]:{port}"),
            Ok(IpAddr::V4(_)) | Err(_) => format!("{}:{port}", self.host),
        }
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn into_sockets(self) -> Vec<TcpListener> {
        self.sockets
    }
}
