//! The table and the verdicts.

use super::figures::{Figures, Lag};
use super::scenarios::{AT_10, BATCHED, BELOW_1, FEW_SOURCES, LIVE_ALONE, LIVE_WITH_LAGGERS, MANY_SOURCES};
use super::settings::Settings;

pub(crate) fn print_settings(settings: &Settings) {
    let Settings { gateway, instance, store, posts_per_second, trigger, others } = settings;
    let millis = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    println!(
        "API Gateway: {} requests/s, burst {}; others {others}/s; a post {:.0} ms or more, {:.0} on average",
        gateway.rate,
        gateway.burst,
        millis(gateway.shortest),
        millis(gateway.typically)
    );
    println!(
        "broadcast: {} MB, {:.3} ms a post ({:.0} posts/s a run), {} posts at once, {posts_per_second} posts/s in all",
        instance.memory,
        millis(instance.a_post()),
        1.0 / instance.a_post().as_secs_f64(),
        instance.posts_at_once
    );
    println!(
        "a call {:.0} ms, {:.0} if cold; a trigger {:.0} ms; the database {:.0} ms a command, {:.3} a connection\n",
        millis(instance.warm),
        millis(instance.cold),
        millis(*trigger),
        millis(store.command),
        millis(store.document)
    );
}

pub(crate) fn print_headings() {
    println!(
        "{:<48}{:>8}{:>6}{:>8}{:>21}  {:<27}{:>6}{:>6}{:>8}{:>8}{:>8}{:>9}{:>9}",
        "", "", "", "others", "lag, s", "", "", "in-", "", "store", "reads/", "conns.", "posit."
    );
    println!(
        "{:<48}{:>8}{:>6}{:>8}{:>7}{:>7}{:>7}  {:<27}{:>6}{:>6}{:>8}{:>8}{:>8}{:>9}{:>9}",
        "connections: load",
        "posts/s",
        "429s",
        "429s",
        "p50",
        "p99",
        "max",
        "p50 over time, s",
        "runs",
        "stan.",
        "repeats",
        "cmd/s",
        "event",
        "/event",
        "/event"
    );
}

pub(crate) fn print_row(name: &str, figures: &Figures) {
    let Figures { posts, refused, others_refused, lag, over_time, runs, instances, repeats, .. } = figures;
    let Figures { commands, pages, connections, positions, .. } = figures;
    let Lag { p50, p99, max } = lag;
    let over_time =
        over_time.map(|lag| if lag.is_nan() { "-".to_owned() } else { format!("{lag:.1}") }).join(" ");
    println!(
        "{name:<48}{posts:>8.0}{refused:>6}{others_refused:>8}{p50:>7.2}{p99:>7.2}{max:>7.2}  {over_time:<27}\
         {runs:>6}{instances:>6}{repeats:>8}{commands:>8.1}{pages:>8.2}{connections:>9.1}{positions:>9.1}"
    );
}

/// The aims, and whether they are met.
pub(crate) fn print_summary(rows: &[(&'static str, Figures)], settings: &Settings) {
    let of = |name: &str, figure: fn(&Figures) -> f64| {
        rows.iter().find(|(row, _)| *row == name).map_or(f64::NAN, |(_, figures)| figure(figures))
    };
    let sum =
        |figure: fn(&Figures) -> u64| rows.iter().map(|(_, figures)| figure(figures)).sum::<u64>() as f64;
    println!();
    at_most("429s", sum(|figures| figures.refused), 0.0);
    at_most("429s of others", sum(|figures| figures.others_refused), 0.0);
    at_most("p99 with 1,000 connections, below the limit, s", of(BELOW_1, |figures| figures.lag.p99), 1.0);
    let rate = of(AT_10, |figures| figures.posts) / f64::from(settings.posts_per_second);
    at_least("posts/s with 10,000 connections, at the limit / limit", rate, 0.9);
    let reads = |name| of(name, |figures| figures.pages);
    at_most("reads an event, 10,000 sources / 1,000", reads(MANY_SOURCES) / reads(FEW_SOURCES), 4.0);
    let posts = |name| of(name, |figures| figures.posts * figures.seconds / figures.events as f64);
    at_most("posts an event, 10,000 sources", posts(MANY_SOURCES), 1.0);
    let live = of(LIVE_WITH_LAGGERS, |figures| figures.lag.p99) / of(LIVE_ALONE, |figures| figures.lag.p99);
    at_most("p99 beside a crowd that lags / alone", live, 2.0);
    at_most("p99 with 100,000 connections, batch=1, s", of(BATCHED, |figures| figures.lag.p99), 45.0);
}

fn at_least(what: &str, figure: f64, aim: f64) {
    println!("{what:<56}{figure:>9.2}   aim ≥ {aim:<5} {}", verdict(figure, figure >= aim));
}

fn at_most(what: &str, figure: f64, aim: f64) {
    println!("{what:<56}{figure:>9.2}   aim ≤ {aim:<5} {}", verdict(figure, figure <= aim));
}

fn verdict(figure: f64, is_met: bool) -> &'static str {
    match (figure.is_nan(), is_met) {
        (true, _) => "not measured",
        (_, true) => "met",
        (_, false) => "missed",
    }
}
