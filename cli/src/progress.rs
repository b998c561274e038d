//! How far it has got: for a person who is watching, a bar on stderr.

use std::time::Instant;

use indicatif::{HumanCount, ProgressBar, ProgressFinish, ProgressStyle};

/// Gone from the screen when it is dropped; not there at all where stderr is no terminal.
pub(crate) struct Progress {
    bar: ProgressBar,
    since: Instant,
}

impl Progress {
    /// Of something that is so long; `None`: nobody knows.
    pub(crate) fn of(total: Option<u64>) -> Self {
        let (bar, template) = match total {
            Some(total) => (ProgressBar::new(total), "{bar:40} {percent} %, {eta} left  {msg} events"),
            None => (ProgressBar::new_spinner(), "{spinner} {elapsed}  {msg} events"),
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self { bar: bar.with_style(style).with_finish(ProgressFinish::AndClear), since: Instant::now() }
    }

    /// So far on the way, so many events done.
    pub(crate) fn at(&self, position: u64, events: u64) {
        self.bar.set_position(position);
        if !self.bar.is_hidden() {
            self.bar.set_message(HumanCount(events).to_string());
        }
    }

    /// Clears the bar and says how fast it was.
    pub(crate) fn end(self, events: u64) {
        let seconds = self.since.elapsed().as_secs_f64();
        drop(self.bar);
        let rate = HumanCount((events as f64 / seconds) as u64);
        eprintln!("{} in {seconds:.1} s, {rate}/s", counted(events));
    }
}

/// `1 event`, `2,000 events`.
pub(crate) fn counted(events: u64) -> String {
    format!("{} event{}", HumanCount(events), if events == 1 { "" } else { "s" })
}
