//! A MongoDB for the tests: one that is there already, or one started for this process alone.
//!
//! Looked for in this order: the address in `MONGODB_URI`; `mongod`; docker with a working engine; `java`,
//! for the stand-in in `mongo-stand-in/`, a server in memory that does what we use of MongoDB.

mod replica_set;

use std::env;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use replica_set::make_primary;

use crate::process::{Process, launch, require_on_path, target_folder};

/// The pom and the source of the stand-in.
const STAND_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/mongo-stand-in");

/// For what starts from files on this machine, and for a replica set of one to elect itself. Far more than
/// needed, because test machines can be slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// For docker, which may have to bring the image first.
const PATIENCE_WITH_DOWNLOAD: Duration = Duration::from_secs(600);

/// Arguments: name of the replica set, port, data folder. Nobody may be reading the output, and that must not
/// end the script before its last line: hence the trap, and `exec` to close it once the port is printed.
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

/// Argument: name of the replica set. When this process ends while docker still pulls the image, the script
/// goes on to the end of input all the same, so that the container is removed.
const RUN_DOCKER: &str = r#"
    trap : PIPE
    container=$(docker run --rm -d -p 127.0.0.1::27017 mongo:8 --replSet "$1" </dev/null) || exit 1
    address=$(docker port "$container" 27017/tcp | head -n 1)
    echo "${address##*:}"
    exec >/dev/null 2>&1
    while read -r _; do :; done
    docker rm -f -v "$container"
"#;

/// The server that MongoDB tests run on. One that was started here stops when this is dropped.
///
/// Deliberately not `Debug`: the address in `MONGODB_URI` may contain a password.
pub struct Server {
    uri: String,
    kind: &'static str,
    _process: Option<Process>,
}

impl Server {
    /// Connection string without a database. Not to be printed: see [`Server`].
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Where the server comes from: `MONGODB_URI`, `mongod`, `docker` or `mongo-java-server`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Its host and port, and its connection string by way of a breaker at `here`; `None` where that does not make
    /// sense: a server that is looked up, or several.
    pub fn detour(&self, here: SocketAddr) -> Option<(String, String)> {
        let host = self.uri.strip_prefix("mongodb://")?.split(['/', '?']).next()?;
        let address = host.rsplit('@').next()?;
        if address.contains(',') || !self.uri.contains("directConnection=true") {
            return None;
        }
        Some((address.to_owned(), self.uri.replacen(address, &here.to_string(), 1)))
    }

    fn on_loopback(kind: &'static str, port: u16, process: Process) -> Self {
        let uri = format!("mongodb://127.0.0.1:{port}/?directConnection=true");
        Self { uri, kind, _process: Some(process) }
    }
}

/// The server for the tests of this process: looked for at the first call, then always the same.
///
/// The error says in one line, for people, why there is none.
pub fn server() -> Result<&'static Server, &'static str> {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    SERVER.get_or_init(find).as_ref().map_err(String::as_str)
}

/// True when a missing server, this one or FerretDB, is a failure and not a reason to skip:
/// `EVENTLOG_REQUIRE_MONGODB` is set to something other than nothing or `0`.
pub fn required() -> bool {
    env::var_os("EVENTLOG_REQUIRE_MONGODB").is_some_and(|value| !value.is_empty() && value != "0")
}

/// A database name that nobody used before, on this machine at least. 38 bytes or fewer, the most that
/// MongoDB Atlas allows.
pub fn fresh_database() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("eventlog_{:x}_{:x}_{count:x}", since_1970.as_micros(), process::id())
}

/// Starts a mongo-java-server of one's own, empty, which a test may stop by dropping it. Its data is lost
/// then.
///
/// Needs `java` from a JDK, 17 or later, and the first time in a target folder also `mvn`, to bring the
/// jars. The error says in one line what is missing or went wrong.
pub fn start_stand_in() -> Result<Server, String> {
    require_on_path("java")?;
    let lib = stand_in_jars()?;
    let mut java = Command::new("java");
    // For a quick start. Throughput is not what a stand-in is for.
    java.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]);
    java.arg("-cp").arg(lib.join("*")).arg(Path::new(STAND_IN).join("StandIn.java")).arg("0");
    let (process, port) = launch(java, PATIENCE).map_err(|reason| format!("java: {reason}"))?;
    Ok(Server::on_loopback("mongo-java-server", port, process))
}

fn find() -> Result<Server, String> {
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
    let (process, port) = launch(script, PATIENCE).map_err(|reason| format!("mongod: {reason}"))?;
    make_primary(port, &format!("127.0.0.1:{port}"), &set).map_err(|reason| format!("mongod: {reason}"))?;
    Ok(Server::on_loopback("mongod", port, process))
}

fn start_docker() -> Result<Server, String> {
    require_on_path("docker")?;
    let mut info = Command::new("docker");
    info.arg("info").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if !info.status().is_ok_and(|status| status.success()) {
        return Err("docker has no working engine".to_owned());
    }
    let set = fresh_database();
    let mut script = shell(RUN_DOCKER);
    script.arg(&set);
    let (process, port) =
        launch(script, PATIENCE_WITH_DOWNLOAD).map_err(|reason| format!("docker: {reason}"))?;
    // The member's address is what mongod calls itself, inside of its container.
    make_primary(port, "127.0.0.1:27017", &set).map_err(|reason| format!("docker: {reason}"))?;
    Ok(Server::on_loopback("docker", port, process))
}

/// The folder with the jars of the stand-in, which `mvn` fills if it is not there yet.
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
    // Silent, because what Maven prints can name private repositories with their passwords.
    mvn.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let brought = mvn.status().is_ok_and(|status| status.success());
    // One step, so that a folder named `lib` is always complete. It fails when another test was quicker.
    let renamed = brought && fs::rename(&incoming, &lib).is_ok();
    if !renamed {
        // Of no use to anybody, and in the way of nobody if it stays.
        let _ = fs::remove_dir_all(&incoming);
    }
    if lib.is_dir() { Ok(lib) } else { Err(format!("mvn could not bring the jars of {STAND_IN}/pom.xml")) }
}

/// Free at this moment. That it is still free in the next one is only likely: see [`make_primary`].
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn shell(script: &str) -> Command {
    let mut shell = Command::new("sh");
    // The name is what the script calls itself in its complaints.
    shell.args(["-c", script, "sh"]);
    shell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_mongodb_and_comes_once() {
        let names: std::collections::HashSet<String> = (0..1000).map(|_| fresh_database()).collect();
        assert_eq!(names.len(), 1000);
        assert!(names.iter().all(|name| name.len() <= 38), "{names:?}");
    }
}
