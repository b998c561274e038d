//! The Runtime API emulator, on a function that does as it is told: this program itself, when it finds itself
//! where Lambda would run it.

mod program;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use eventlog_testing::{Function, InvokeError, Lambda, trial, within};
use libtest_mimic::{Arguments, Trial};
use serde_json::{Value, json};

fn main() {
    if program::is_wanted() {
        return program::run();
    }
    let trials = vec![
        trial("an_idle_instance_is_used_again", used_again),
        trial("who_finds_none_idle_starts_one", one_for_each),
        trial("what_takes_too_long_is_killed", too_long),
        trial("an_error_reply_leaves_the_instance_alive", error_reply),
        trial("an_instance_that_ends_is_replaced", ends),
        trial("a_killed_instance_is_replaced", killed),
        trial("a_start_that_fails_says_why", failed_start),
        trial("a_start_that_takes_too_long_is_killed", long_start),
        trial("an_idle_instance_is_frozen", frozen),
        trial("an_answer_that_lambda_would_not_take_fails", large_answer),
        trial("an_instance_is_told_what_lambda_tells_it", told),
        trial("what_is_printed_is_kept_up_to_a_limit", printed),
        Trial::test("no_instance_outlives_the_test", no_instance_outlives_the_test),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn function() -> Function {
    Function::new(std::env::current_exe().expect("this program"))
}

async fn tell(lambda: &Lambda, order: Value) -> Result<Value, InvokeError> {
    let answer = within("an invocation", lambda.invoke(order.to_string().as_bytes())).await?;
    Ok(serde_json::from_slice(&answer).expect("JSON"))
}

async fn used_again() {
    let lambda = function().deploy();
    for n in 1..=5 {
        assert_eq!(tell(&lambda, json!({ "do": "count" })).await.expect("an answer"), n);
    }
    let instances = lambda.instances();
    assert_eq!(instances.len(), 1);
    assert!(instances[0].init().is_some_and(|init| init < Duration::from_secs(10)));
    if cfg!(target_os = "linux") {
        let memory = instances[0].memory().expect("it runs");
        assert!(memory.resident > 100_000 && memory.peak >= memory.resident, "{memory:?}");
    }
}

async fn one_for_each() {
    let lambda = function().deploy();
    let mut both = Vec::new();
    for _ in 0..2 {
        let (one, other) =
            tokio::join!(tell(&lambda, json!({ "do": "count" })), tell(&lambda, json!({ "do": "count" })));
        both.push([one.expect("an answer"), other.expect("an answer")]);
    }
    assert_eq!(lambda.instances().len(), 2);
    assert_eq!(both, [[1, 1], [2, 2]]);
}

async fn too_long() {
    let lambda = function().timeout(Duration::from_millis(300)).deploy();
    let since = Instant::now();
    let answer = tell(&lambda, json!({ "do": "hang" })).await;
    assert!(matches!(answer, Err(InvokeError::TimedOut)), "{answer:?}");
    assert!(since.elapsed() >= Duration::from_millis(300));
    assert!(!lambda.instances()[0].is_running());
    assert_eq!(tell(&lambda, json!({ "do": "count" })).await.expect("another instance"), 1);
}

async fn error_reply() {
    let lambda = function().deploy();
    let answer = tell(&lambda, json!({ "do": "fail" })).await;
    let Err(InvokeError::Function(error)) = answer else { panic!("{answer:?}") };
    assert_eq!(error.message, "as it was told");
    let answer = tell(&lambda, json!({ "do": "panic" })).await;
    let Err(InvokeError::Function(error)) = answer else { panic!("{answer:?}") };
    assert!(error.message.contains("as it was told"), "{error}");
    assert_eq!(tell(&lambda, json!({ "do": "count" })).await.expect("an answer"), 1);
    assert_eq!(lambda.instances().len(), 1);
}

async fn ends() {
    let lambda = function().deploy();
    let answer = tell(&lambda, json!({ "do": "exit" })).await;
    let Err(InvokeError::Crashed { status, log }) = answer else { panic!("{answer:?}") };
    assert_eq!(status.code(), Some(3));
    assert!(log.contains("as it was told"), "{log}");
    assert_eq!(tell(&lambda, json!({ "do": "count" })).await.expect("an answer"), 1);
    assert_eq!(lambda.instances().len(), 2);
}

async fn killed() {
    let lambda = function().deploy();
    tell(&lambda, json!({ "do": "count" })).await.expect("an answer");
    within("the end of an idle one", lambda.instances()[0].kill()).await;
    assert_eq!(tell(&lambda, json!({ "do": "count" })).await.expect("an answer"), 1);

    let hangs = tokio::spawn({
        let lambda = lambda.clone();
        async move { tell(&lambda, json!({ "do": "hang" })).await }
    });
    let busy = lambda.instances()[1].clone();
    while !busy.log().contains("hanging") {
        tokio::task::yield_now().await;
    }
    within("the end of a busy one", busy.kill()).await;
    let answer = hangs.await.expect("no panic");
    assert!(matches!(answer, Err(InvokeError::Crashed { .. })), "{answer:?}");
}

async fn failed_start() {
    let lambda = function().env("FAIL", "1").deploy();
    for _ in 0..2 {
        let answer = tell(&lambda, json!({ "do": "count" })).await;
        let Err(InvokeError::Init { status, error: None, log }) = answer else { panic!("{answer:?}") };
        assert_eq!((status.code(), log.as_str()), (Some(4), "it was told to fail\n"));
    }
}

async fn long_start() {
    let lambda = function().env("HANG", "1").init_timeout(Duration::from_millis(300)).deploy();
    let answer = tell(&lambda, json!({ "do": "count" })).await;
    assert!(matches!(answer, Err(InvokeError::Init { error: None, .. })), "{answer:?}");
    assert!(!lambda.instances()[0].is_running());
}

/// A thread that goes on after the answer gets nowhere, except where it is let.
async fn frozen() {
    const PAUSE: Duration = Duration::from_millis(400);
    let ticks = async |lambda: Lambda| {
        let ticks = async || tell(&lambda, json!({ "do": "tick" })).await.expect("an answer").as_u64();
        let before = ticks().await.expect("a number");
        tokio::time::sleep(PAUSE).await;
        ticks().await.expect("a number") - before
    };
    let (frozen, running) =
        (ticks(function().deploy()).await, ticks(function().never_frozen().deploy()).await);
    assert!(frozen < 50 && running > 100, "{frozen} and {running} ticks of a millisecond");
}

async fn large_answer() {
    let lambda = function().deploy();
    let megabytes = |n: u64| json!({ "do": "answer", "bytes": n * 1_000_000 });
    tell(&lambda, megabytes(6)).await.expect("an answer");
    let answer = tell(&lambda, megabytes(7)).await;
    let Err(InvokeError::Function(error)) = answer else { panic!("an error") };
    assert_eq!(error.kind, "Function.ResponseSizeTooLarge");
    tell(&lambda, megabytes(1)).await.expect("an answer of the same instance");
    assert_eq!(lambda.instances().len(), 1);
}

async fn told() {
    let lambda = function().env("OWN", "one's own").memory_mb(256).timeout(Duration::from_secs(20)).deploy();
    let told = tell(&lambda, json!({ "do": "tell" })).await.expect("an answer");
    let left = told["left"].as_u64().expect("milliseconds");
    assert!((15_000..=20_000).contains(&left), "{left} ms are left");
    assert!(told["id"] != tell(&lambda, json!({ "do": "tell" })).await.expect("an answer")["id"]);
    let environment = &told["environment"];
    assert_eq!(environment["OWN"], "one's own");
    assert_eq!(environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "256");
    assert_eq!(environment["AWS_REGION"], "eu-central-1");
    assert!(environment.get("HOME").is_none(), "nothing comes from this process: {environment}");
}

async fn printed() {
    let lambda = function().deploy();
    tell(&lambda, json!({ "do": "print", "lines": 100_000 })).await.expect("an answer");
    let log = lambda.instances()[0].log();
    assert!(log.len() <= 256 * 1024, "{}", log.len());
    lambda.instances()[0].kill().await;
    assert!(lambda.instances()[0].log().ends_with("line 99999\n"), "all is read when it has ended");
}

/// A test that is killed takes with it who is frozen and who is stuck.
fn no_instance_outlives_the_test() -> Result<(), libtest_mimic::Failed> {
    let mut host = Command::new(std::env::current_exe()?);
    host.env("HOST", "1").stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut host = host.spawn()?;
    let stdout = host.stdout.take().expect("its stdout");
    let pids = std::io::BufRead::lines(std::io::BufReader::new(stdout)).next().expect("a line")?;
    let pids: Vec<u32> = serde_json::from_str(&pids)?;
    assert_eq!(pids.len(), 2);
    let is_there = |pid: &u32| program::is_alive(*pid);
    assert!(pids.iter().all(is_there), "both run");
    host.kill()?;
    host.wait()?;
    let since = Instant::now();
    while pids.iter().any(is_there) {
        assert!(since.elapsed() < Duration::from_secs(30), "{pids:?} are still there");
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
