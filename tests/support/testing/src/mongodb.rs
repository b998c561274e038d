//! The MongoDB server of the tests: an existing one, or one that this process starts.
//!
//! In this order: the address in `MONGODB_URI`; `mongod`; docker with a working engine; `java` for the stand-in in
//! `mongo-stand-in/`, a server in memory with the features that the stores use.

mod replica_set;

use std::env;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use crate::process::{Process, require_on_path, run_silently, start_server, target_folder};
use replica_set::initiate;

/// The folder with the pom and the source of the stand-in.
const STAND_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/mongo-stand-in");

/// How long a start from local files, or an election, may take on a slow machine.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a start by docker may take, with a download of the image.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(600);

/// Arguments: name of the replica set, port, data folder. A closed output must not end the script before its last
/// line, hence the trap, and `exec` after the port.
const RUN_MONGOD: &str = r#"
    trap : PIPE
    mkdir "$3" || exit 1
    mongod --replSet "$1" --bind_ip 127.0.0.1 --port "$2" --nounixsocket \
        --dbpath "$3" --logpath "$3/mongod.log" >/dev/null 2>&1 </dev/null &
    echo "$2"
    exec >/dev/null 2>&1
    while read -r _; do :; done
    kill -9 $!
    wait
    rm -rf "$3"
"#;

/// Argument: name of the replica set. If this process ends while docker pulls the image, the script still continues
/// to the end of its input, so that the container is removed.
const RUN_DOCKER: &str = r#"
    trap : PIPE
    container=$(docker run --rm -d -p 127.0.0.1::27017 mongo:8 --replSet "$1" </dev/null) || exit 1
    address=$(docker port "$container" 27017/tcp | head -n 1)
    echo "${address##*:}"
    exec >/dev/null 2>&1
    while read -r _; do :; done
    docker rm -f -v "$container"
"#;

/// The server of MongoDB tests. A server that was started here stops when this is dropped.
///
/// Not `Debug`, because the address in `MONGODB_URI` may contain a password.
pub struct Server {
    uri: String,
    kind: &'static str,
    _process: Option<Process>,
}

impl Server {
    /// Returns the connection string without a database. It must not be printed: see [`Server`].
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Returns the source of the server: `MONGODB_URI`, `mongod`, `docker` or `mongo-java-server`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Returns the host and port of the server, and a connection string through a proxy at `proxy`. `None` for
    /// several members or a name that DNS resolves to members.
    pub fn uri_through(&self, proxy: SocketAddr) -> Option<(String, String)> {
        let host = self.uri.strip_prefix("mongodb://")?.split(['/', '?']).next()?;
        let address = host.rsplit('@').next()?;
        if address.contains(',') || !self.uri.contains("directConnection=true") {
            return None;
        }
        Some((address.to_owned(), self.uri.replacen(address, &proxy.to_string(), 1)))
    }

    fn on_loopback(kind: &'static str, port: u16, process: Process) -> Self {
        let uri = format!("mongodb://127.0.0.1:{port}/?directConnection=true");
        Self { uri, kind, _process: Some(process) }
    }
}

/// Returns the server of this process, which the first call finds or starts.
///
/// # Errors
/// One line with the reasons why there is no server.
pub fn server() -> Result<&'static Server, &'static str> {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    SERVER.get_or_init(find_or_start).as_ref().map_err(String::as_str)
}

/// Returns whether a missing server, MongoDB or FerretDB, fails tests instead of skipping them:
/// `EVENTLOG_REQUIRE_MONGODB` is neither unset nor empty nor `0`.
pub(crate) fn is_required() -> bool {
    env::var_os("EVENTLOG_REQUIRE_MONGODB").is_some_and(|value| !value.is_empty() && value != "0")
}

/// Returns a database name that is new on this machine, of at most 38 bytes, the limit of MongoDB Atlas.
pub fn fresh_database() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("eventlog_{:x}_{:x}_{count:x}", since_1970.as_micros(), process::id())
}

/// Starts an empty mongo-java-server. Needs `java` of JDK 17 or later and, the first time in a target folder, `mvn`.
fn start_stand_in() -> Result<Server, String> {
    require_on_path("java")?;
    let lib = stand_in_jars()?;
    let mut java = Command::new("java");
    // For a quick start; throughput does not matter.
    java.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]);
    java.arg("-cp").arg(lib.join("*")).arg(Path::new(STAND_IN).join("StandIn.java")).arg("0");
    let (process, port) = start_server(java, START_TIMEOUT).map_err(|reason| format!("java: {reason}"))?;
    Ok(Server::on_loopback("mongo-java-server", port, process))
}

fn find_or_start() -> Result<Server, String> {
    if let Some(uri) = env::var("MONGODB_URI").ok().filter(|uri| !uri.is_empty()) {
        return Ok(Server { uri, kind: "MONGODB_URI", _process: None });
    }
    let mut reasons = vec!["MONGODB_URI is not set".to_owned()];
    for start in [start_mongod, start_docker, start_stand_in] {
        match start() {
            Ok(server) => return Ok(server),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(reasons.join("; "))
}

fn start_mongod() -> Result<Server, String> {
    require_on_path("mongod")?;
    let port = free_port().map_err(|error| format!("mongod: no free port: {error}"))?;
    let set = fresh_database();
    let mut script = shell(RUN_MONGOD);
    script.args([&set, &port.to_string()]).arg(env::temp_dir().join(&set));
    let failure = |reason| format!("mongod: {reason}");
    let (process, port) = start_server(script, START_TIMEOUT).map_err(failure)?;
    initiate(port, &format!("127.0.0.1:{port}"), &set, START_TIMEOUT).map_err(failure)?;
    Ok(Server::on_loopback("mongod", port, process))
}

fn start_docker() -> Result<Server, String> {
    require_on_path("docker")?;
    if !run_silently(Command::new("docker").arg("info")) {
        return Err("docker has no working engine".to_owned());
    }
    let set = fresh_database();
    let mut script = shell(RUN_DOCKER);
    script.arg(&set);
    let failure = |reason| format!("docker: {reason}");
    let (process, port) = start_server(script, DOWNLOAD_TIMEOUT).map_err(failure)?;
    // The address of the mongod within its container.
    initiate(port, "127.0.0.1:27017", &set, START_TIMEOUT).map_err(failure)?;
    Ok(Server::on_loopback("docker", port, process))
}

/// Returns the folder with the jars of the stand-in, which `mvn` downloads if it is missing.
fn stand_in_jars() -> Result<PathBuf, String> {
    let folder = target_folder()?.join("mongo-stand-in");
    let lib = folder.join("lib");
    if lib.is_dir() {
        return Ok(lib);
    }
    require_on_path("mvn")?;
    let incoming = folder.join(format!("incoming-{}", fresh_database()));
    let mut mvn = Command::new("mvn");
    mvn.args(["-q", "-B", "-f"]).arg(Path::new(STAND_IN).join("pom.xml"));
    mvn.arg("dependency:copy-dependencies").arg(format!("-DoutputDirectory={}", incoming.display()));
    // A rename, so that a folder `lib` is always complete. It fails if another test was faster.
    let is_renamed = run_silently(&mut mvn) && fs::rename(&incoming, &lib).is_ok();
    if !is_renamed {
        // A remaining folder does no harm.
        let _ = fs::remove_dir_all(&incoming);
    }
    if lib.is_dir() { Ok(lib) } else { Err(format!("mvn failed to download the jars of {STAND_IN}/pom.xml")) }
}

/// Returns a port that is free at this moment. Another process may take it: see [`initiate`].
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn shell(script: &str) -> Command {
    let mut shell = Command::new("sh");
    // The last argument is the script's name in its error messages.
    shell.args(["-c", script, "sh"]);
    shell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_database_returns_a_unique_name_within_the_limit() {
        let names: std::collections::HashSet<String> = (0..1000).map(|_| fresh_database()).collect();
        assert_eq!(names.len(), 1000);
        assert!(names.iter().all(|name| name.len() <= 38), "{names:?}");
    }
}
