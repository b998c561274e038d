//! The other roles of this program: the function, and a host, a test that will be killed.

use std::env;
use std::process::{Command, exit};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, SystemTime};

use eventlog_testing::{Function, within};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

const FOREVER: Duration = Duration::from_secs(3600);

pub(crate) fn is_function_or_host() -> bool {
    env::var_os("AWS_LAMBDA_RUNTIME_API").is_some() || env::var_os("HOST").is_some()
}

pub(crate) fn run() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    if env::var_os("HOST").is_some() {
        return runtime.block_on(host());
    }
    if env::var_os("FAIL").is_some() {
        println!("a requested failure");
        exit(4);
    }
    if env::var_os("HANG").is_some() {
        sleep(FOREVER);
    }
    // Fails when its host is killed.
    let _ = runtime.block_on(lambda_runtime::run(service_fn(handle)));
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (payload, context) = event.into_parts();
    let number = |name: &str| payload[name].as_u64().unwrap_or_default();
    Ok(match payload["action"].as_str().unwrap_or_default() {
        "count" => json!(COUNT.fetch_add(1, Ordering::Relaxed) + 1),
        "hang" => {
            println!("hanging");
            // Blocks the runtime too, so that it does not notice the end of its connections.
            sleep(FOREVER);
            json!(null)
        }
        "fail" => return Err("a requested error".into()),
        "panic" => panic!("a requested panic"),
        "exit" => {
            eprintln!("a requested exit");
            exit(3);
        }
        "tick" => {
            if COUNT.load(Ordering::Relaxed) == 0 {
                spawn(|| {
                    loop {
                        COUNT.fetch_add(1, Ordering::Relaxed);
                        sleep(Duration::from_millis(1));
                    }
                });
            }
            json!(COUNT.load(Ordering::Relaxed))
        }
        "reply" => json!("x".repeat(usize::try_from(number("bytes"))?)),
        "context" => {
            let left = context.deadline().duration_since(SystemTime::now())?.as_millis();
            let environment: serde_json::Map<_, _> =
                env::vars().map(|(name, value)| (name, value.into())).collect();
            json!({ "id": context.request_id, "left": left, "environment": environment })
        }
        "print" => {
            for n in 0..number("lines") {
                println!("line {n}");
            }
            json!(null)
        }
        other => return Err(format!("unknown action {other:?}").into()),
    })
}

/// Runs a test with a frozen and a stuck instance. They are of two functions, because the system also sends SIGHUP to
/// an orphaned process group with a stopped member, which would end the stuck instance.
async fn host() {
    let [frozen, stuck] = [(); 2].map(|()| Function::new(env::current_exe().expect("this program")).deploy());
    let [count, hang] = ["count", "hang"].map(|action| json!({ "action": action }).to_string());
    within("an invocation", frozen.invoke(count.as_bytes())).await.expect("a reply");
    let print_pids = async {
        while !stuck.instances().iter().any(|instance| instance.log().contains("hanging")) {
            tokio::task::yield_now().await;
        }
        println!("{}", json!([frozen.instances()[0].pid(), stuck.instances()[0].pid()]));
        std::future::pending::<()>().await;
    };
    let _ = tokio::join!(stuck.invoke(hang.as_bytes()), print_pids);
}

/// Returns whether a process is alive; a zombie is not.
pub(crate) fn is_alive(pid: u32) -> bool {
    let state = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().expect("ps");
    let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}
