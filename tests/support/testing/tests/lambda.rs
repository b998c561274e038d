//! Tests of the Lambda emulator. The function under test is this program itself, in the environment of Lambda.

mod program;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use eventlog_testing::{Function, InvokeError, Lambda, trial, within};
use libtest_mimic::{Arguments, Trial};
use serde_json::{Value, json};

macro_rules! trials {
    ($($test:ident),+ $(,)?) => {
        vec![$(trial(stringify!($test), $test)),+]
    };
}

fn main() {
    if program::is_function_or_host() {
        return program::run();
    }
    let mut trials = trials![
        idle_instance_is_used_again,
        concurrent_invocations_start_instances,
        invocation_is_killed_after_its_timeout,
        error_reply_keeps_the_instance,
        crashed_instance_is_replaced,
        killed_instance_is_replaced,
        failed_start_is_reported_with_its_log,
        start_is_killed_after_its_timeout,
        idle_instance_is_frozen,
        reply_over_the_limit_is_an_error,
        instance_gets_the_environment_and_deadline_of_lambda,
        log_keeps_the_end_of_the_output,
    ];
    let outlives = "instance_does_not_outlive_the_test";
    trials.push(Trial::test(outlives, instance_does_not_outlive_the_test));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn function() -> Function {
    Function::new(std::env::current_exe().expect("this program"))
}

async fn invoke(lambda: &Lambda, payload: Value) -> Result<Value, InvokeError> {
    let reply = within("an invocation", lambda.invoke(payload.to_string().as_bytes())).await?;
    Ok(serde_json::from_slice(&reply).expect("JSON"))
}

/// Invokes an action of the function.
async fn run(lambda: &Lambda, action: &str) -> Result<Value, InvokeError> {
    invoke(lambda, json!({ "action": action })).await
}

/// Returns the number of `count` invocations of an instance.
async fn count(lambda: &Lambda) -> Value {
    run(lambda, "count").await.expect("a reply")
}

async fn idle_instance_is_used_again() {
    let lambda = function().deploy();
    for n in 1..=5 {
        assert_eq!(count(&lambda).await, n);
    }
    let instances = lambda.instances();
    assert_eq!(instances.len(), 1);
    assert!(instances[0].init().is_some_and(|init| init < Duration::from_secs(10)));
    if cfg!(target_os = "linux") {
        let memory = instances[0].memory().expect("a running process");
        assert!(memory.resident > 100_000 && memory.peak >= memory.resident, "{memory:?}");
    }
}

async fn concurrent_invocations_start_instances() {
    let lambda = function().deploy();
    let mut counts = Vec::new();
    for _ in 0..2 {
        counts.push(<[Value; 2]>::from(tokio::join!(count(&lambda), count(&lambda))));
    }
    assert_eq!(lambda.instances().len(), 2);
    assert_eq!(counts, [[1, 1], [2, 2]]);
}

async fn invocation_is_killed_after_its_timeout() {
    let lambda = function().timeout(Duration::from_millis(300)).deploy();
    let start = Instant::now();
    let reply = run(&lambda, "hang").await;
    assert!(matches!(reply, Err(InvokeError::TimedOut)), "{reply:?}");
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert!(!lambda.instances()[0].is_running());
    assert_eq!(count(&lambda).await, 1, "another instance");
}

async fn error_reply_keeps_the_instance() {
    let lambda = function().deploy();
    let reply = run(&lambda, "fail").await;
    let Err(InvokeError::Function(error)) = reply else { panic!("{reply:?}") };
    assert_eq!(error.message, "a requested error");
    let reply = run(&lambda, "panic").await;
    let Err(InvokeError::Function(error)) = reply else { panic!("{reply:?}") };
    assert!(error.message.contains("a requested panic"), "{error}");
    assert_eq!(count(&lambda).await, 1);
    assert_eq!(lambda.instances().len(), 1);
}

async fn crashed_instance_is_replaced() {
    let lambda = function().deploy();
    let reply = run(&lambda, "exit").await;
    let Err(InvokeError::Crashed { status, log }) = reply else { panic!("{reply:?}") };
    assert_eq!(status.code(), Some(3));
    assert!(log.contains("a requested exit"), "{log}");
    assert_eq!(count(&lambda).await, 1);
    assert_eq!(lambda.instances().len(), 2);
}

async fn killed_instance_is_replaced() {
    let lambda = function().deploy();
    count(&lambda).await;
    within("the end of an idle instance", lambda.instances()[0].kill()).await;
    assert_eq!(count(&lambda).await, 1);

    let invocation = tokio::spawn({
        let lambda = lambda.clone();
        async move { run(&lambda, "hang").await }
    });
    let busy = lambda.instances()[1].clone();
    while !busy.log().contains("hanging") {
        tokio::task::yield_now().await;
    }
    within("the end of a busy instance", busy.kill()).await;
    let reply = invocation.await.expect("no panic");
    assert!(matches!(reply, Err(InvokeError::Crashed { .. })), "{reply:?}");
}

async fn failed_start_is_reported_with_its_log() {
    let lambda = function().env("FAIL", "1").deploy();
    for _ in 0..2 {
        let reply = run(&lambda, "count").await;
        let Err(InvokeError::Init { status, error: None, log }) = reply else { panic!("{reply:?}") };
        assert_eq!((status.code(), log.as_str()), (Some(4), "a requested failure\n"));
    }
}

async fn start_is_killed_after_its_timeout() {
    let lambda = function().env("HANG", "1").init_timeout(Duration::from_millis(300)).deploy();
    let reply = run(&lambda, "count").await;
    assert!(matches!(reply, Err(InvokeError::Init { error: None, .. })), "{reply:?}");
    assert!(!lambda.instances()[0].is_running());
}

/// A thread makes no progress after the reply, except in an instance that is never frozen.
async fn idle_instance_is_frozen() {
    const PAUSE: Duration = Duration::from_millis(400);
    let ticks = async |lambda: Lambda| {
        let ticks = async || run(&lambda, "tick").await.expect("a reply").as_u64();
        let before = ticks().await.expect("a number");
        tokio::time::sleep(PAUSE).await;
        ticks().await.expect("a number") - before
    };
    let (frozen, running) =
        (ticks(function().deploy()).await, ticks(function().never_frozen().deploy()).await);
    assert!(frozen < 50 && running > 100, "{frozen} and {running} ticks of a millisecond");
}

async fn reply_over_the_limit_is_an_error() {
    let lambda = function().deploy();
    let megabytes = |n: u64| json!({ "action": "reply", "bytes": n * 1_000_000 });
    invoke(&lambda, megabytes(6)).await.expect("a reply");
    let reply = invoke(&lambda, megabytes(7)).await;
    let Err(InvokeError::Function(error)) = reply else { panic!("an error") };
    assert_eq!(error.kind, "Function.ResponseSizeTooLarge");
    invoke(&lambda, megabytes(1)).await.expect("a reply of the same instance");
    assert_eq!(lambda.instances().len(), 1);
}

async fn instance_gets_the_environment_and_deadline_of_lambda() {
    let lambda =
        function().env("CONFIGURED", "a value").memory_mb(256).timeout(Duration::from_secs(20)).deploy();
    let context = run(&lambda, "context").await.expect("a reply");
    let left = context["left"].as_u64().expect("milliseconds");
    assert!((15_000..=20_000).contains(&left), "{left} ms are left");
    assert!(context["id"] != run(&lambda, "context").await.expect("a reply")["id"]);
    let environment = &context["environment"];
    assert_eq!(environment["CONFIGURED"], "a value");
    assert_eq!(environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "256");
    assert_eq!(environment["AWS_REGION"], "eu-central-1");
    assert!(environment.get("HOME").is_none(), "no variable of this process: {environment}");
}

async fn log_keeps_the_end_of_the_output() {
    let lambda = function().deploy();
    invoke(&lambda, json!({ "action": "print", "lines": 100_000 })).await.expect("a reply");
    let log = lambda.instances()[0].log();
    assert!(log.len() <= 256 * 1024, "{}", log.len());
    lambda.instances()[0].kill().await;
    assert!(lambda.instances()[0].log().ends_with("line 99999\n"), "the log is complete after the end");
}

/// A frozen and a stuck instance end when their test is killed.
fn instance_does_not_outlive_the_test() -> Result<(), libtest_mimic::Failed> {
    let mut host = Command::new(std::env::current_exe()?);
    host.env("HOST", "1").stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut host = host.spawn()?;
    let stdout = host.stdout.take().expect("its stdout");
    let pids = std::io::BufRead::lines(std::io::BufReader::new(stdout)).next().expect("a line")?;
    let pids: Vec<u32> = serde_json::from_str(&pids)?;
    assert_eq!(pids.len(), 2);
    let is_alive = |pid: &u32| program::is_alive(*pid);
    assert!(pids.iter().all(is_alive), "both run");
    host.kill()?;
    host.wait()?;
    let start = Instant::now();
    while pids.iter().any(is_alive) {
        assert!(start.elapsed() < Duration::from_secs(30), "{pids:?} are still alive");
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
