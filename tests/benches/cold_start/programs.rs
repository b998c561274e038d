//! The programs, and what they are asked.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use eventlog_testing::{Function, Lambda, fixture};
use serde_json::{Value, json};

/// What is deployed.
pub(crate) struct Deployable {
    pub(crate) name: &'static str,
    pub(crate) has_database: bool,
    request: &'static str,
}

/// In the order of the table.
pub(crate) const FUNCTIONS: &[Deployable; 6] = &[
    Deployable { name: "create-event", has_database: true, request: "http-post-events" },
    Deployable { name: "list-events", has_database: true, request: "http-get-event" },
    Deployable { name: "connect", has_database: true, request: "websocket-connect" },
    Deployable { name: "disconnect", has_database: true, request: "websocket-disconnect" },
    Deployable { name: "message", has_database: false, request: "websocket-message" },
    Deployable { name: "broadcast", has_database: true, request: "" },
];

/// Where the database is, and its connection string as a secret.
pub(crate) struct Place {
    pub(crate) server: String,
    pub(crate) secrets: String,
}

impl Place {
    pub(crate) fn uri(&self, database: &str) -> String {
        self.server.replacen("/?", &format!("/{database}?"), 1)
    }
}

/// One program, with its environment and a request that it can answer.
pub(crate) struct Program {
    pub(crate) name: String,
    path: PathBuf,
    function: Function,
    request: Value,
}

/// A program that is asked again and again.
pub(crate) struct Deployed {
    name: String,
    lambda: Lambda,
    request: Vec<u8>,
}

impl Program {
    pub(crate) fn hello_world() -> Result<Self> {
        let path = built("examples/hello-world")?;
        let function = Function::new(&path);
        Ok(Self { name: "hello-world".into(), path, function, request: json!({ "firstName": "Ada" }) })
    }

    pub(crate) fn function(function: &Deployable, place: &Place) -> Result<Self> {
        let path = built(&format!("eventlog-{}", function.name))?;
        let environment = [
            ("MONGODB_URI", place.uri("eventlog").as_str()),
            ("WEBSOCKET_GATEWAY", "bench"),
            ("WEBSOCKET_ENDPOINT", "http://127.0.0.1:1/prod"),
            ("BROADCAST_MODE", "trigger"),
            ("BROADCAST_FUNCTION", "eventlog-broadcast"),
            ("POSTS_PER_SECOND", "5000"),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "none"),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ]
        .map(|(name, value)| (name, value.to_owned()));
        let request = match function.request {
            "" => json!({}),
            name => fixture(name),
        };
        let deployed = Function::new(&path);
        let deployed =
            environment.into_iter().fold(deployed, |function, (name, value)| function.env(name, value));
        let program = Self { name: function.name.into(), path, function: deployed, request };
        // The fixture has a query string that this route does not take.
        Ok(if function.name == "list-events" { program.asking("/health") } else { program })
    }

    /// Asks for this path.
    pub(crate) fn asking(mut self, path: &str) -> Self {
        self.request["rawPath"] = path.into();
        self.request["requestContext"]["http"]["path"] = path.into();
        self.request["rawQueryString"] = "".into();
        self
    }

    /// Not told the connection string, but where it is kept.
    pub(crate) fn with_secret(mut self, place: &Place) -> Self {
        self.name.push_str(", with a secret");
        self.function = self
            .function
            .env("MONGODB_URI", "")
            .env("MONGODB_SECRET_ARN", "eventlog")
            .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", &place.secrets);
        self
    }

    pub(crate) fn size(&self) -> Result<u64> {
        Ok(self.path.metadata()?.len())
    }

    /// Starts a process and asks it once. How long it took to ask for work, and to answer.
    pub(crate) async fn start(&self) -> Result<(Duration, Duration)> {
        let deployed = Deployed {
            name: self.name.clone(),
            lambda: self.function.clone().deploy(),
            request: self.request.to_string().into_bytes(),
        };
        let answered = deployed.call().await?;
        let instances = deployed.lambda.instances();
        let ready = instances.first().and_then(|instance| instance.init()).context("a start")?;
        instances[0].kill().await;
        Ok((ready, answered))
    }

    pub(crate) fn deploy(self) -> Deployed {
        let request = self.request.to_string().into_bytes();
        Deployed { name: self.name, lambda: self.function.deploy(), request }
    }
}

impl Deployed {
    /// How long an answer took.
    pub(crate) async fn call(&self) -> Result<Duration> {
        let since = Instant::now();
        let answer = self.lambda.invoke(&self.request).await.with_context(|| self.name.clone())?;
        let time = since.elapsed();
        let answer: Value = serde_json::from_slice(&answer)?;
        let status = answer["statusCode"].as_u64();
        ensure!(status.is_none_or(|status| status < 300), "{}: {answer}", self.name);
        Ok(time)
    }
}

/// A program beside this one, in the same profile.
fn built(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let folder = this.parent().and_then(Path::parent).context("target/PROFILE/deps/bench")?;
    let path = folder.join(name);
    ensure!(path.is_file(), "{} is not there: see the commands at the head of cold_start.rs", path.display());
    Ok(path)
}
