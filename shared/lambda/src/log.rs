//! The log of a function: lines on its standard output, which Lambda sends to CloudWatch.

use std::io::stdout;
use std::panic;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Writes what is traced, and panics, from here on. `AWS_LAMBDA_LOG_FORMAT` and `AWS_LAMBDA_LOG_LEVEL` say how
/// and how much, as Lambda sets them ("Configuring advanced logging controls"); `RUST_LOG` says it in local runs.
///
/// Why not `lambda_runtime::tracing::init_default_subscriber`: its lines have no time, without which Lambda takes each
/// of them for an INFO ("Log-level filtering"), and its filter brings regular expressions along, which a function has no
/// other use for.
pub(crate) fn begin() {
    let registry = tracing_subscriber::registry().with(level());
    let format = std::env::var("AWS_LAMBDA_LOG_FORMAT").unwrap_or_default();
    if format.eq_ignore_ascii_case("json") {
        registry.with(layer().json().with_target(false).with_writer(stdout)).init();
    } else {
        registry.with(layer().with_target(false).without_time().with_ansi(false).with_writer(stdout)).init();
    }
    panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
}

fn level() -> Targets {
    let var = |name| std::env::var(name).ok();
    let wanted = var("AWS_LAMBDA_LOG_LEVEL").or_else(|| var("RUST_LOG")).unwrap_or_default();
    let default = Targets::new().with_default(LevelFilter::INFO);
    if wanted.is_empty() { default } else { wanted.parse().unwrap_or(default) }
}
