//! What a query string may be.

use eventlog_testing::trial;
use libtest_mimic::Trial;

use super::requests::NO_ID;
use super::{assert_problem, assert_untouched};
use crate::client::new_event;
use crate::system::{Backend, Data};

pub(super) fn trials() -> Vec<Trial> {
    vec![trial("a_bad_query_string_is_refused_on_every_route", bad_query_strings)]
}

async fn bad_query_strings() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    let body = new_event("query", "{}");
    for query in
        ["x=1", "x", "=", "=1", "page=1", "limit=1", "%00=1", "%FF", "%", "a&b", "&&x", "a=%F0%9F%98%80"]
    {
        for path in ["/chain", "/health", "/openapi.yaml", NO_ID] {
            let answer = client.get(&format!("{path}?{query}")).await;
            assert_problem(&answer, 400, &format!("{path}?{query}"));
        }
        let headers = [("content-type", "application/json")];
        let post = client.request("POST", &format!("/events?{query}"), &headers, body.as_bytes());
        assert_problem(&client.send(post).await.expect("an answer"), 400, query);
    }
    for query in [
        "x=1",
        "=1",
        "Page=1",
        "LIMIT=1",
        "page%20=1",
        "page[]=1",
        "page=1&page=1",
        "page=1&p%61ge=2",
        "limit=1&page=1&limit=1",
        "page=1;limit=1",
        "page",
        "page=",
        "page=0",
        "page=-1",
        "page=+1",
        "page=%2B1",
        "page=1.0",
        "page=1e2",
        "page=0x1",
        "page=%201",
        "page=1%00",
        "page=%EF%BC%91",
        "page=%FF",
        "page=18446744073709551616",
        "page=99999999999999999999999999",
        "limit=0",
        "limit=1001",
        "limit=%31001",
        "limit=-1",
        "limit=a",
        "order=",
        "order=ASC",
        "order=up",
        "order=asc&order=asc",
        "eventType=",
        "eventType=%FF",
        "eventType=a&eventType=a",
        "eventtype=a",
        "sourceAppId=",
        "sourceAppId=a&sourceAppId=b",
        "from=",
        "from=now",
        "from=2024-11-22",
        "from=1732264325391",
        "to=2024-11-22T08:32:05",
        "to=2024-11-22T25:32:05Z",
        "to=2024-02-30T00:00:00Z",
        "from=2024-11-22T08:32:05Z&from=2024-11-22T08:32:05Z",
        "after=",
        "after=x",
        "after=64fdc8e5a835b1c4d6c5693f",
        "before=64fdc8e5a835b1c4d6c5693f",
        "before=64fdc8e5a835b1c4d6c5693",
        "after=64FDC8E5A835B1C4D6C5693F",
        "after=64fdc8e5a835b1c4d6c5693f&from=9999-01-01T00:00:00Z",
        "after=000000000000000000000000&after=000000000000000000000000",
        "page=1&after=000000000000000000000000",
        "page=1&before=000000000000000000000000",
        "after=000000000000000000000000&before=000000000000000000000000",
    ] {
        assert_problem(&client.get(&format!("/events?{query}")).await, 400, query);
    }
    for query in
        ["", "&", "page=1&", "p%61ge=1&l%69mit=%31", "page=01&limit=0001000", "page=18446744073709551615"]
    {
        let answer = client.get(&format!("/events?{query}")).await;
        assert_eq!((answer.status, &*answer.body), (200, "[]"), "{query}");
    }
    for query in [
        "x=1",
        "page=1",
        "limit=0",
        "limit=10001",
        "limit=1&limit=1",
        "after=x",
        "after=",
        "after=64fdc8e5a835b1c4d6c5693f",
        "after=64fdc8e5a835b1c4d6c5693f&after=64fdc8e5a835b1c4d6c5693f",
        "limit=",
        "order=asc",
    ] {
        assert_problem(&client.get(&format!("/chain/verify?{query}")).await, 400, query);
    }
    for path in ["/chain", "/chain/verify", "/health", "/openapi.yaml"] {
        assert_eq!(client.get(&format!("{path}?")).await.status, 200, "{path}");
    }
    assert_untouched(&system).await;
}
