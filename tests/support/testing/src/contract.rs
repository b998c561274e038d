//! The contract of the stores as tests, each on a new database.

mod backend;
mod connections;
mod events;
mod queries;
mod requests;
mod steps;

use libtest_mimic::Trial;

pub use backend::Backend;

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

/// Returns all cases.
pub fn trials<B: Backend>() -> Vec<Trial> {
    trials![B:
        events::empty_log_has_no_head,
        events::append_links_events_in_the_given_order,
        events::append_returns_the_stored_event_for_a_known_id,
        events::append_completes_a_batch_that_was_stored_in_part,
        events::append_stores_an_id_once_within_a_batch,
        events::append_preserves_known_payloads,
        events::append_preserves_random_payloads,
        events::append_preserves_random_texts,
        events::page_returns_a_range_of_the_log,
        events::page_ends_before_its_byte_limit,
        events::event_is_found_by_its_id,
        events::concurrent_appends_form_one_chain,
        events::cancelled_append_leaves_a_valid_chain,
        events::second_process_appends_after_the_head,
        events::read_reports_a_corrupt_event_by_its_id,
        events::alarm_rings_for_each_appender,
        queries::page_matches_the_reference_for_random_queries,
        queries::page_fails_if_the_log_ends_before_the_known_end,
        queries::seq_is_found_by_id_and_by_time,
        requests::repeated_request_is_logged_once,
        requests::used_key_with_another_body_is_refused,
        requests::repeated_request_completes_a_stored_prefix,
        requests::concurrent_repeats_are_logged_once,
        requests::concurrent_bodies_with_one_key_are_logged_once,
        requests::restored_request_is_recognised_when_repeated,
        requests::restore_preserves_events,
        requests::restore_is_refused_after_the_head_moved,
        connections::connection_is_found_until_it_is_removed,
        connections::joined_returns_connections_since_a_mark,
        connections::position_never_moves_back,
        connections::sweep_removes_old_connections,
        connections::connection_keeps_its_filter_and_batch_flag,
        connections::shards_partition_the_connections,
        connections::lease_has_one_holder,
        connections::lease_passes_on_after_it_expires,
    ]
}
