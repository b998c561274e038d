//! A model of the append, explored whole: every order of steps, and every fault at every point of each.
//!
//! # What stands for what
//!
//! `server.rs` is the collection `events`: two unique indexes, ordered inserts, a majority that follows behind
//! the primary, a fail-over that takes back what it has not. `writers.rs` is `append_at_once` (which `link_own`
//! is, too), `combine`, `link` and `insert` of `append.rs` and `group.rs`; each writer is a process of its own.
//! `steps.rs` says what may happen next:
//!
//! - `Send`: a writer has read, links, and sends an insert. That is one step, since nothing changes while it
//!   reads and the insert may arrive at any time. It is linked to the head that a clean insert has left behind
//!   (`Memory`), or to any that a majority read has ever shown: reads that lag and stale combiners
//!   are in this.
//! - `Insert`, `Commit`: the server gets to it; a majority has one document more.
//! - `Succeed`, `Fail`: the clean answer comes once a majority has all of the insert. An error, or no answer,
//!   may come at any time, whatever was done, and the insert may live on and be done later, once or repeatedly
//!   (`InsertLate`). It is an error at once where the insert can do nothing any more.
//! - `LookUp`: a majority read by `_id`, of one who waits or after an error. The model may leave it out.
//! - `Die`: a writer does nothing any more, whether between two steps or waiting for an answer. An append that
//!   is given up at its deadline is the same.
//! - `FailOver`: what no majority has is lost, all or the later part of it. A driver that still waits may send
//!   its insert again. An old primary that does not know yet that it is none needs no step: what it takes is a
//!   lost insert, what it shows is a read that lags.
//!
//! # What is left out
//!
//! - `pending` and the lease are hints. A combiner finds waiting *any* selection of all drafts: also what is
//!   linked already, was lost in a fail-over or came back by it, is not published yet or removed by now. Only
//!   of a batch nothing waits without what comes before it. Any writer may combine at any time: that is what a
//!   lease comes to that has lapsed or that two hold.
//! - Time. A pause may last for ever, of attempts there is no end, and nothing depends on which error it was.
//! - All orders of arrival but one: clocks differ, so it has nothing to do with the order of steps, and writers
//!   that are alike may be numbered by it. (Drafts published again, after a fail-over, may change places; here
//!   they do not.)
//! - Payloads, what requests they belong to, sizes, the limits of a group, drafts that cannot be read, and the making of the indexes (I0).
//!
//! # How far it goes
//!
//! Three writers, three events, one or two faults of each kind, lost answers without number; within that,
//! everything. Two states are taken for one if their 64-bit hashes are equal. That the model is true to the
//! code is not proven; `tests/simulation.rs` takes the code itself through some of this.

mod ids;
mod progress;
mod properties;
mod protocol;
mod server;
mod state;
mod steps;
mod writers;

use std::time::Instant;

use progress::SOMEBODY_GETS_THROUGH;
use properties::{IN_ORDER, LINKED, NO_DOUBLE_LINK, NO_FORK, NO_GAP, NOTHING_LOST};
use protocol::{Flaw, Protocol};
use state::Faults;
use stateright::{Checker, HasDiscoveries, Model};

/// Three writers with an event each.
const THREE: [&[u8]; 3] = [&[0], &[1], &[2]];
const EACH_ONCE: Faults = Faults { deaths: 1, late: 1, fail_overs: 1 };

fn protocol(batches: &[&[u8]]) -> Protocol {
    let batches = batches.iter().map(|batch| batch.iter().copied().collect()).collect();
    Protocol { batches, timestamps: true, faults: EACH_ONCE, flaw: None }
}

/// Whether to take the time for a model with timestamps of three writers and three events, too.
fn whole() -> bool {
    std::env::var_os("EVENTLOG_MODEL_WHOLE").is_some()
}

fn explore(protocol: Protocol, until: HasDiscoveries) -> impl Checker<Protocol> {
    let since = Instant::now();
    let checker = protocol.checker().finish_when(until).spawn_bfs().join();
    println!("{} states in {:.0?}", checker.unique_state_count(), since.elapsed());
    checker
}

fn holds(protocol: Protocol) {
    explore(protocol, HasDiscoveries::AnyFailures).assert_properties();
}

fn is_caught(flaw: Flaw, by: &'static str) {
    is_caught_with(&THREE, flaw, by);
}

fn is_caught_with(batches: &[&[u8]], flaw: Flaw, by: &'static str) {
    let faults = Faults { deaths: 0, ..EACH_ONCE };
    let protocol = Protocol { faults, flaw: Some(flaw), ..protocol(batches) };
    explore(protocol, HasDiscoveries::AnyOf([by].into())).assert_any_discovery(by);
}

/// 364,999 states, 17 s; whole 1,281,004 states, 63 s. (Processor time, unoptimised, on a 2-core virtual
/// machine, 2026-11-23; all tests of this program together: 54 s.)
#[test]
fn three_writers() {
    holds(Protocol { timestamps: whole(), ..protocol(&THREE) });
}

/// 149,783 and 105,204 states, 11 s; whole 711,077 and 519,788 states, 60 s.
#[test]
fn a_request_its_repetition_and_another() {
    let batches: [[&[u8]; 3]; 2] = [[&[0, 1], &[0, 1], &[2]], [&[0], &[1, 2], &[1, 2]]];
    for batches in batches {
        holds(Protocol { timestamps: whole(), ..protocol(&batches) });
    }
}

/// 143,827 states, 6 s.
#[test]
fn a_batch_that_arrives_first() {
    holds(Protocol { faults: Faults { late: 2, ..EACH_ONCE }, ..protocol(&[&[0, 1], &[2]]) });
}

/// 121,924 states, 5 s.
#[test]
fn a_batch_that_arrives_last() {
    holds(Protocol { faults: Faults { late: 2, ..EACH_ONCE }, ..protocol(&[&[0], &[1, 2]]) });
}

#[test]
fn without_unique_ids_an_event_is_linked_twice() {
    is_caught(Flaw::RepeatedId, NO_DOUBLE_LINK);
}

#[test]
fn without_unique_seqs_the_chain_forks() {
    is_caught(Flaw::RepeatedSeq, NO_FORK);
}

#[test]
fn behind_a_head_that_no_majority_has_the_chain_breaks() {
    is_caught(Flaw::LinkBeforeMajority, LINKED);
}

#[test]
fn behind_a_head_that_another_has_linked_the_chain_breaks() {
    is_caught(Flaw::RememberDespiteError, LINKED);
}

#[test]
fn an_answer_before_the_majority_is_lost() {
    is_caught(Flaw::AcknowledgeBeforeMajority, NOTHING_LOST);
}

#[test]
fn a_look_up_before_the_majority_is_lost() {
    is_caught(Flaw::LookUpBeforeMajority, NOTHING_LOST);
}

#[test]
fn a_duplicate_key_is_no_answer() {
    is_caught(Flaw::TrustDuplicateKey, NOTHING_LOST);
}

#[test]
fn an_unordered_batch_leaves_a_gap() {
    is_caught(Flaw::UnorderedBatch, NO_GAP);
}

#[test]
fn what_waits_without_what_comes_before_it_turns_a_batch_round() {
    is_caught_with(&[&[0, 1], &[2]], Flaw::UnorderedPending, IN_ORDER);
}

/// What combiners read and look up keeps things going, no more: what must not be, the server keeps out.
#[test]
fn without_a_look_nobody_gets_through_and_yet_the_log_is_right() {
    let protocol = Protocol { flaw: Some(Flaw::NeverLookUp), ..protocol(&[&[0, 1], &[2]]) };
    let checker = explore(protocol, HasDiscoveries::All);
    for property in properties::safety() {
        checker.assert_no_discovery(property.name);
    }
    checker.assert_any_discovery(SOMEBODY_GETS_THROUGH);
}
