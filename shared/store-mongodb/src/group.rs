//! What goes into one insert: what waits, as far as it still must, and the batch of whoever links.

use std::collections::{HashMap, HashSet};

use eventlog_ledger::{Draft, EventId, Head, RequestId, now};

use crate::batch::Batch;
use crate::documents::Logged;
use crate::pending::Waiting;

/// What a combiner has learnt of the log. It forgets nothing of that: what was linked long ago is found only when it is in
/// the way, and would be so again and again.
#[derive(Default)]
pub(crate) struct Learnt {
    /// Events that stand in the log for good, and the requests they belong to.
    pub(crate) stands: HashMap<EventId, Option<RequestId>>,
    /// What waited when it was last read, as far as it is not done.
    pub(crate) waiting: Vec<Waiting>,
    /// What need not wait any more.
    pub(crate) done: HashSet<EventId>,
}

impl Learnt {
    /// Takes note of these.
    pub(crate) fn stand<'a>(&mut self, events: impl IntoIterator<Item = &'a Logged>) {
        self.stands.extend(events.into_iter().map(|logged| (logged.event.id, logged.request)));
    }

    /// Takes out what need not be linked: what stands in the log already (somebody died before he removed it, or it was
    /// repeated), and all of an append one of whose ids stands there for another request. Else a request that is
    /// refused could have its end logged.
    pub(crate) fn strike_out(&mut self) {
        let Self { stands, waiting, done } = self;
        waiting.retain_mut(|one| {
            let is_other = |draft: &Draft| stands.get(&draft.id).is_some_and(|other| *other != one.request);
            let is_refused = one.request.is_some() && one.drafts.iter().any(is_other);
            one.drafts.retain(|draft| !stands.contains_key(&draft.id));
            let is_done = is_refused || one.drafts.is_empty();
            if is_done {
                done.insert(one.id);
            }
            !is_done
        });
    }
}

/// Links what waits, and the batch, each draft once: the end of a request may wait once more, from a repeat.
pub(crate) fn link_group(batch: &Batch, waiting: &[Waiting], last: Option<Head>) -> Vec<Logged> {
    // What is logged first has the ids.
    let is_rival = |one: &Waiting| {
        one.request != batch.request() && one.drafts.iter().any(|draft| batch.is_missing(draft.id))
    };
    let own = if waiting.iter().any(is_rival) { &[] } else { batch.missing() };
    let others = waiting.iter().flat_map(|one| one.drafts.iter().map(|draft| (draft, one.request)));
    let mut ids = HashSet::new();
    let group = others.chain(own.iter().map(|draft| (draft, batch.request())));
    link(group.filter(|(draft, _)| ids.insert(draft.id)), last).1
}

/// Links the drafts of one request behind `last`; answers the new head too.
pub(crate) fn link_all(
    drafts: &[Draft],
    request: Option<RequestId>,
    last: Option<Head>,
) -> (Option<Head>, Vec<Logged>) {
    link(drafts.iter().map(|draft| (draft, request)), last)
}

fn link<'a>(
    drafts: impl Iterator<Item = (&'a Draft, Option<RequestId>)>,
    mut last: Option<Head>,
) -> (Option<Head>, Vec<Logged>) {
    let now = now();
    let mut events = Vec::with_capacity(drafts.size_hint().0);
    for (draft, request) in drafts {
        let event = draft.clone().link(last.map(|head| head.tip), now);
        last = Some(Head::of(Head::next_seq(last.as_ref()), &event));
        events.push(Logged { event, request });
    }
    (last, events)
}
