//! What this program is when it is not the test: the function, or a test that is going to be killed.

use std::env;
use std::process::{Command, exit};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, SystemTime};

use eventlog_testing::{Function, within};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

const FOREVER: Duration = Duration::from_secs(3600);

pub(crate) fn is_wanted() -> bool {
    env::var_os("AWS_LAMBDA_RUNTIME_API").is_some() || env::var_os("HOST").is_some()
}

pub(crate) fn run() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    if env::var_os("HOST").is_some() {
        return runtime.block_on(host());
    }
    if env::var_os("FAIL").is_some() {
        println!("it was told to fail");
        exit(4);
    }
    if env::var_os("HANG").is_some() {
        sleep(FOREVER);
    }
    // It fails when its host is killed.
    let _ = runtime.block_on(lambda_runtime::run(service_fn(obey)));
}

async fn obey(order: LambdaEvent<Value>) -> Result<Value, Error> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (payload, context) = order.into_parts();
    let number = |name: &str| payload[name].as_u64().unwrap_or_default();
    Ok(match payload["do"].as_str().unwrap_or_default() {
        "count" => json!(COUNT.fetch_add(1, Ordering::Relaxed) + 1),
        "hang" => {
            println!("hanging");
            // Blocks the runtime too: the end of its connections goes unnoticed.
            sleep(FOREVER);
            json!(null)
        }
        "fail" => return Err("as it was told".into()),
        "panic" => panic!("as it was told"),
        "exit" => {
            eprintln!("as it was told");
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
        "answer" => json!("x".repeat(usize::try_from(number("bytes"))?)),
        "tell" => {
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
        other => return Err(format!("what is {other:?}?").into()),
    })
}

/// A test with a frozen and a stuck instance; of two functions, since the end of this process means more to
/// groups of processes in which somebody is stopped.
async fn host() {
    let [frozen, stuck] = [(); 2].map(|()| Function::new(env::current_exe().expect("this program")).deploy());
    let (count, hang) = (json!({ "do": "count" }).to_string(), json!({ "do": "hang" }).to_string());
    within("an answer", frozen.invoke(count.as_bytes())).await.expect("an answer");
    let told = async {
        while !stuck.instances().iter().any(|instance| instance.log().contains("hanging")) {
            tokio::task::yield_now().await;
        }
        println!("{}", json!([frozen.instances()[0].pid(), stuck.instances()[0].pid()]));
        std::future::pending::<()>().await;
    };
    let _ = tokio::join!(stuck.invoke(hang.as_bytes()), told);
}

/// A zombie is not: it only waits for its parent to ask how it ended.
pub(crate) fn is_alive(pid: u32) -> bool {
    let state = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().expect("ps");
    let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}
