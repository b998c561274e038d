//! The contract of the stores, as tests. Each runs on a database of its own.

mod connections;
mod events;
mod queries;
mod requests;

use std::future::Future;

use eventlog_ledger::{ConnectionStore, EventStore};
use libtest_mimic::Trial;

/// One empty database of a backend.
pub trait Backend: Send + Sync + Sized + 'static {
    /// Its log.
    type Events: EventStore;
    /// Its connections.
    type Connections: ConnectionStore;

    /// Makes one.
    fn fresh() -> impl Future<Output = Self> + Send;
    /// Opens its log anew, as another process would.
    fn events(&self) -> impl Future<Output = Self::Events> + Send;
    /// Opens its connections, empty.
    fn connections(&self) -> impl Future<Output = Self::Connections> + Send;
    /// Behind the store's back, puts a text that is no hash into `currentHash` of the last event.
    fn damage(&self) -> impl Future<Output = ()> + Send;
    /// Removes it.
    fn remove(self) -> impl Future<Output = ()> + Send;
}

macro_rules! trials {
    ($backend:ty: $($case:path),+ $(,)?) => {
        vec![$(crate::trial(
            stringify!($case).rsplit("::").next().unwrap_or_default().trim(),
            || async {
                let database = <$backend>::fresh().await;
                crate::within("the whole case", $case(&database)).await;
                database.remove().await;
            },
        )),+]
    };
}

/// All cases.
pub fn trials<B: Backend>() -> Vec<Trial> {
    trials![B:
        events::an_empty_log_has_no_head,
        events::events_are_linked_in_the_order_given,
        events::a_repeat_is_answered_with_what_stands_there,
        events::a_batch_that_was_half_done_is_completed,
        events::one_id_is_logged_once_even_within_a_batch,
        events::known_payloads_come_back_as_they_were_sent,
        events::any_payload_comes_back_as_it_was_sent,
        events::any_text_comes_back_as_it_was_sent,
        events::a_page_is_a_stretch_of_the_log,
        events::a_page_ends_before_it_gets_too_long,
        events::an_event_is_found_by_its_id,
        events::concurrent_appends_make_one_chain,
        events::an_append_that_is_given_up_leaves_the_chain_whole,
        events::another_process_goes_on_where_the_log_ends,
        events::what_is_no_event_is_an_error,
        events::an_alarm_rings_for_every_appender,
        queries::a_query_gives_what_it_asks_for,
        queries::what_is_not_shown_up_to_its_end_is_no_answer,
        queries::an_id_and_a_time_have_a_place,
        requests::a_repeated_request_is_logged_once,
        requests::another_body_is_a_conflict_and_logs_nothing,
        requests::a_request_that_was_half_done_is_completed,
        requests::many_at_once_are_one,
        requests::of_rivals_one_is_logged,
        requests::restored_events_are_recognised_by_their_content,
        requests::what_is_restored_stands_as_it_was,
        requests::only_the_end_of_the_log_can_be_restored,
        connections::a_connection_is_there_until_it_is_removed,
        connections::a_look_gives_those_who_came_since_the_last,
        connections::a_position_never_moves_back,
        connections::old_connections_are_swept,
        connections::what_a_connection_wants_is_kept,
        connections::shares_part_the_connections_among_them,
        connections::a_lease_has_one_owner,
        connections::a_lease_lapses,
    ]
}
