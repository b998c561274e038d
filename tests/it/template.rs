//! `template.yaml` against the code: what is deployed has what the code asks for, and nothing else.

mod answers;
mod document;
mod permissions;
mod programs;
mod routes;
mod variables;

use eventlog_testing::trial;
use libtest_mimic::Trial;

/// These need nothing but the file and the programs.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("template_deploys_each_function", async || routes::each_function_is_deployed()),
        trial("template_has_the_routes_of_the_code", async || routes::http()),
        trial("template_has_the_routes_of_websockets", async || routes::websocket()),
        trial("template_permits_what_is_needed", async || permissions::are_what_is_needed()),
        trial("template_sets_the_variables_of_the_code", variables::are_those_of_the_code),
    ]
}

/// These need a MongoDB.
pub(crate) fn trials_with_answers() -> Vec<Trial> {
    vec![
        trial("template_functions_answer_what_aws_sends", answers::are_given_to_what_aws_sends),
        trial("template_alarms_on_what_the_broadcaster_says", answers::of_the_broadcaster_include_its_lag),
    ]
}
