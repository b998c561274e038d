//! What a body may be.

use eventlog_testing::trial;
use libtest_mimic::Trial;

use super::{assert_problem, assert_untouched, pointers};
use crate::system::{Backend, Data};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("a_bad_body_is_refused_with_pointers_and_not_logged", bad_bodies),
        trial("every_truncated_body_is_refused", every_truncated_body),
        trial("a_reserved_event_type_is_forbidden", reserved_event_types),
        trial("texts_and_payloads_at_their_limits_are_logged_unaltered", good_bodies),
        trial("a_body_with_very_many_faults_gets_a_short_answer", very_many_faults),
        trial("numbers_under_a_very_long_name_cost_no_memory", numbers_under_a_long_name),
    ]
}

/// A body with these three values, as JSON.
fn body(event_type: &str, source_app_id: &str, payload: &str) -> String {
    format!(r#"{{"eventType":{event_type},"sourceAppId":{source_app_id},"dataPayload":{payload}}}"#)
}

fn with_payload(payload: &str) -> String {
    body(r#""a""#, r#""b""#, payload)
}

/// A payload that is nested so deep.
fn nested(depth: usize) -> String {
    format!(r#"{{"a":{}{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1))
}

fn json(text: &str) -> String {
    serde_json::to_string(text).expect("JSON")
}

type Case = (Vec<u8>, Vec<String>);

fn case(body: impl Into<Vec<u8>>, pointers: &[&str]) -> Case {
    (body.into(), pointers.iter().map(|pointer| (*pointer).to_owned()).collect())
}

fn members() -> Vec<Case> {
    let all = ["/eventType", "/sourceAppId", "/dataPayload"];
    let mut cases = vec![
        case("{}", &all),
        case(r#"{"sourceAppId":"b","dataPayload":{}}"#, &all[..1]),
        case(r#"{"eventType":"a","dataPayload":{}}"#, &all[1..2]),
        case(r#"{"eventType":"a","sourceAppId":"b"}"#, &all[2..]),
        case(r#"{"eventType":1,"x":2,"dataPayload":[]}"#, &[all[0], "/x", all[2], all[1]]),
        case(r#"{"eventType":"","sourceAppId":" ","dataPayload":{"a":1,"a":1},"_id":""}"#, &{
            [all[0], all[1], "/dataPayload/a", "/_id"]
        }),
        case(body("1", "2", "3").replace("eventType", "eventtype"), &["/eventtype", all[1], all[2], all[0]]),
        case(
            r#"{"a":{"eventType":"a","sourceAppId":"b","dataPayload":{}}}"#,
            &["/a", all[0], all[1], all[2]],
        ),
    ];
    for extra in ["_id", "timestamp", "previousHash", "currentHash", "seq", "", "a/b~c", "é😀", "__proto__"]
    {
        let text =
            format!("{},{}:1}}", with_payload("{}").trim_end_matches('}').to_owned() + "}", json(extra));
        let pointer = format!("/{}", extra.replace('~', "~0").replace('/', "~1"));
        cases.push(case(text, &[&pointer]));
    }
    for wrong in ["null", "1", "true", "[]", "{}", r#"["a"]"#, r#""""#, r#"" ""#, r#""\t\n""#] {
        cases.push(case(body(wrong, r#""b""#, "{}"), &all[..1]));
        cases.push(case(body(r#""a""#, wrong, "{}"), &all[1..2]));
    }
    for blank in ["\u{a0}".into(), "\u{3000} ".into(), "x".repeat(257), "😀".repeat(257)] {
        let text: String = blank;
        cases.push(case(body(&json(&text), r#""b""#, "{}"), &all[..1]));
        cases.push(case(body(r#""a""#, &json(&text), "{}"), &all[1..2]));
    }
    for wrong in ["null", "1", "true", "[]", "[{}]", r#""{}""#, r#""""#] {
        cases.push(case(with_payload(wrong), &all[2..]));
    }
    cases
}

fn names() -> Vec<Case> {
    let twice = |more: &str| with_payload("{}").replacen('{', &format!("{{{more},"), 1);
    let mut cases = vec![
        case(twice(r#""eventType":"a""#), &["/eventType"]),
        case(twice(r#""\u0065ventType":"a""#), &["/eventType"]),
        case(twice(r#""sourceAppId":"b""#), &["/sourceAppId"]),
        case(twice(r#""dataPayload":{}"#), &["/dataPayload"]),
        case(twice(r#""a\u0000":1"#), &["/a\0"]),
        case(twice(r#""\ud800":1"#), &[""]),
        case(body(r#""\ud800""#, r#""\udfff""#, "{}"), &["/eventType", "/sourceAppId"]),
        case(body(r#""\udc00\ud800""#, r#""b""#, "{}"), &["/eventType"]),
        case(body(r#""\ud83d""#, r#""b""#, "{}"), &["/eventType"]),
    ];
    for (payload, pointer) in [
        (r#"{"a":1,"a":1}"#, "/a"),
        (r#"{"a":1,"\u0061":2}"#, "/a"),
        (r#"{"é":1,"\u00e9":2}"#, "/é"),
        (r#"{"😀":1,"\ud83d\ude00":2}"#, "/😀"),
        (r#"{"":1,"":2}"#, "/"),
        (r#"{"b":{"c":[0,{"a":1,"d":2,"a":3}]}}"#, "/b/c/1/a"),
        (r#"{"a/b":{"~":1,"~":1}}"#, "/a~1b/~0"),
        (r#"{"a\u0000b":1}"#, "/a\0b"),
        (r#"{"a":{"\u0000":1}}"#, "/a/\0"),
        (r#"{"a":"\ud800"}"#, "/a"),
        (r#"{"a":["\ud800\u0041"]}"#, "/a/0"),
        (r#"{"a":"\udc00\ud800"}"#, "/a"),
        (r#"{"a":{"\ud800":1}}"#, "/a"),
    ] {
        cases.push(case(with_payload(payload), &[&format!("/dataPayload{pointer}")]));
    }
    cases
}

fn numbers() -> Vec<Case> {
    let mut cases = Vec::new();
    for number in [
        "9007199254740992",
        "-9007199254740992",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "12345678901234567890",
        "-12345678901234567890",
        "123456789012345678901234567890",
        "1e400",
        "-1e400",
        "1.8e308",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "NaN",
        "Infinity",
        "-Infinity",
        "١",
    ] {
        cases.push(case(with_payload(&format!(r#"{{"n":{number}}}"#)), &["/dataPayload/n"]));
        let deep = format!(r#"{{"s":"1e30 \" 12","f":[1e30,-2.5],"o":{{"n":[0,{number}]}}}}"#);
        cases.push(case(with_payload(&deep), &["/dataPayload/o/n/1"]));
    }
    // Up to the x it is a number.
    cases.push(case(with_payload(r#"{"n":0x10}"#), &["/dataPayload"]));
    let long = "9".repeat(100_000);
    cases.push(case(with_payload(&format!(r#"{{"n":{long}}}"#)), &["/dataPayload/n"]));
    cases
}

fn no_json() -> Vec<Case> {
    let good = with_payload(r#"{"a":"b"}"#);
    let mut cases: Vec<_> = ["", " ", "garbage", "null", "1", r#""text""#, "[]", "{", "}", "'", "\0"]
        .map(|text| case(text, &[""]))
        .into();
    for text in [
        format!("{good}x"),
        format!("{good}{good}"),
        format!("{good},"),
        format!("{good}\0"),
        format!("\u{feff}{good}"),
        format!("\u{a0}{good}"),
        format!("\u{c}{good}"),
        format!("// comment\n{good}"),
        good.replace('"', "'"),
        good.replace(r#""eventType""#, "eventType"),
    ] {
        cases.push(case(text, &[""]));
    }
    for (payload, pointer) in [
        ("{\"a\":\"\n\"}", "/a"),
        (r#"{"a":"\x"}"#, "/a"),
        (r#"{"a":"\u12"}"#, "/a"),
        (r#"{"a":undefined}"#, "/a"),
        (r#"{"a":tru}"#, "/a"),
        (r#"{"a":[1,]}"#, "/a/1"),
        (r#"{"a":[1 2]}"#, "/a/1"),
        (r#"{"a":/**/1}"#, "/a"),
    ] {
        cases.push(case(with_payload(payload), &[&format!("/dataPayload{pointer}")]));
    }
    for not_utf8 in [&b"\xff"[..], b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe9"] {
        cases.push(case([b"{\"eventType\":\"", not_utf8, b"\"}"].concat(), &[""]));
        cases.push(case([good.as_bytes(), not_utf8].concat(), &[""]));
    }
    cases.push(case(good.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(), &[""]));
    cases
}

fn depths() -> Vec<Case> {
    let place = format!("/dataPayload/a{}", "/0".repeat(63));
    let mut cases: Vec<_> =
        [65, 66, 200, 100_000].map(|depth| case(with_payload(&nested(depth)), &[&place])).into();
    let objects = format!("{}1{}", r#"{"a":"#.repeat(65), "}".repeat(65));
    cases.push(case(with_payload(&objects), &[&format!("/dataPayload{}", "/a".repeat(64))]));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    cases.push(case(body(&deep, r#""b""#, "{}"), &["/eventType"]));
    cases.push(case(with_payload("{}").replacen('{', &format!("{{\"x\":{deep},"), 1), &["/x"]));
    cases
}

async fn bad_bodies() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    for (body, expected) in [members(), names(), numbers(), no_json(), depths()].concat() {
        let case = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
        let answer = client.post(body).await;
        assert_eq!(pointers(&assert_problem(&answer, 400, &case)), expected, "{case}: {}", answer.body);
    }
    for unclosed in ["[", "[[]],", r#"{"a":"#, r#"{"dataPayload":["#, r#"{"eventType":[["#] {
        let answer = client.post(unclosed.repeat(100_000)).await;
        assert_eq!(pointers(&assert_problem(&answer, 400, unclosed)).len(), 1, "{unclosed}");
    }
    assert_untouched(&system).await;
}

async fn every_truncated_body() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    let good = body(r#""é""#, r#""\ud83d\ude00""#, r#"{"a":[1.5e3,true,{"":null}],"b":"\\"}"#);
    for end in 0..good.len() {
        let answer = client.post(&good.as_bytes()[..end]).await;
        let case = format!("{end} bytes");
        assert_eq!(pointers(&assert_problem(&answer, 400, &case)).len(), 1, "{case}: {}", answer.body);
    }
    assert_untouched(&system).await;
}

async fn reserved_event_types() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    for reserved in
        [r#""eventlog.""#, r#""eventlog.x""#, r#""\u0065ventlog.checkpoint""#, r#""eventlog\u002e""#]
    {
        let answer = client.post(body(reserved, r#""b""#, "{}")).await;
        assert_eq!(pointers(&assert_problem(&answer, 403, reserved)), ["/eventType"]);
    }
    let answer = client.post(body(r#""eventlog.x""#, "1", "{}")).await;
    assert_eq!(pointers(&assert_problem(&answer, 400, "invalid as well")), ["/sourceAppId"]);
    assert_untouched(&system).await;
}

async fn good_bodies() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    let mut logged = Vec::new();
    let long = ["x".repeat(256), "😀".repeat(256), "\u{1}".repeat(256), "\"".repeat(256)];
    let short =
        ["a", "é", "😀", "eventlog", "Eventlog.x", " eventlog.x ", "eventlog,x", "\0", "\u{200b}", "{}"];
    for text in short.into_iter().chain(long.iter().map(String::as_str)) {
        let answer = client.post(body(&json(text), &json(text), "{}")).await;
        assert_eq!(answer.status, 201, "{text}: {}", answer.body);
        let event = &answer.json()["event"];
        assert_eq!((event["eventType"].as_str(), event["sourceAppId"].as_str()), (Some(text), Some(text)));
        logged.push(event["_id"].clone());
    }
    let numbers = "[9007199254740991,-9007199254740991,9007199254740992.0,-0,-0.0,0e5,1.0,1e308,-1e308,1e-400,5e-324,12345678901234567890123456789.5,1E+2]";
    for payload in [
        format!(r#"{{"n":{numbers}}}"#),
        nested(64),
        r#"{"a":{"a":1},"b":{"a":1}}"#.into(),
        r#"{"\u0061":"\u0000\ud83d\ude00\/"}"#.into(),
    ] {
        let answer = client.post(with_payload(&payload)).await;
        assert_eq!(answer.status, 201, "{payload}: {}", answer.body);
        assert!(answer.body.contains(&format!(r#""dataPayload":{payload},"timestamp""#)), "{}", answer.body);
        logged.push(answer.json()["event"]["_id"].clone());
    }
    let form =
        " \r\n\t{ \"dataPayload\" : { } ,\n\"source\\u0041ppId\":\"b\", \"\\u0065ventType\" : \"a\" } \n";
    logged.push(client.post(form).await.json()["event"]["_id"].clone());
    let ids: Vec<_> = client.check_log().await.iter().map(|event| event.id.to_string()).collect();
    assert_eq!(ids, logged);
}

/// An answer of a function has at most 6 MB: one that is longer than its request may be would end in a 5xx.
async fn very_many_faults() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    let many_extra = format!("{{{}\"x\":0}}", "\"\":0,".repeat(500_000));
    let long_name = with_payload(&format!(r#"{{"{}":[0,1e400]}}"#, "~".repeat(2_900_000)));
    let long_extra = format!(r#"{{"{}":0}}"#, "~".repeat(2_900_000));
    for (case, body) in
        [("many members", many_extra), ("a long name", long_name), ("a long extra", long_extra)]
    {
        let answer = client.post(body).await;
        assert!(answer.body.len() < 100_000, "{case}: {} bytes", answer.body.len());
        assert!(!pointers(&assert_problem(&answer, 400, case)).is_empty(), "{case}");
    }
    assert_untouched(&system).await;
}

/// 3 MB in which each of 300,000 numbers needs a second look: at 1.4 MB of path each, no machine has the memory.
async fn numbers_under_a_long_name() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    let numbers = "1e16,".repeat(300_000);
    let payload = format!(r#"{{"{}":[{numbers}1]}}"#, "x".repeat(1_400_000));
    let answer = client.post(with_payload(&payload)).await;
    assert_problem(&answer, 413, "well formed, but too large");
    let payload = format!(r#"{{"a":[{numbers}10000000000000000]}}"#);
    let answer = client.post(with_payload(&payload)).await;
    assert_eq!(pointers(&assert_problem(&answer, 400, "the last is bad")), ["/dataPayload/a/300000"]);
    assert_untouched(&system).await;
}
