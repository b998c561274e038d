//! Payloads that a store could alter by mistake.

use proptest::prelude::*;
use proptest::string::string_regex;

/// Returns valid payloads that databases or drivers are known to misread.
pub fn payloads() -> Vec<&'static str> {
    vec![
        "{}",
        r#"{"":0}"#,
        r#"{"$oid":"64fdc8e5a835b1c4d6c5693f"}"#,
        r#"{"$oid":"abc"}"#,
        r#"{"$date":5}"#,
        r#"{"$numberLong":"1","$where":"1"}"#,
        r#"{"_id":1,"seq":2,"a.b":3,".":4,"$":5}"#,
        r#"{"__proto__":{"x":1},"constructor":null}"#,
        r#"{"z":1,"a":2,"m":3,"10":4,"9":5}"#,
        r#"{"n":[1,1.0,1e0,-0,-0.0,1E+2,9007199254740991,9007199254740993.0,1e308,5e-324,1e-400]}"#,
        r#"{"s":"\u0041\u00e9\ud83d\ude00\u0000\/\b\f\n\r\t\"\\ é😀"}"#,
        r#"{"deep":[[[[[[[[[[{}]]]]]]]]]]}"#,
    ]
}

/// Returns a strategy for any payload: a JSON object with escapes and all forms of numbers.
pub fn payload() -> impl Strategy<Value = String> {
    let regex = |pattern| string_regex(pattern).expect("a pattern");
    let string = prop_oneof![
        3 => any::<String>().prop_map(|text| quoted(&text)),
        1 => regex(r#""(\\u00[0-7][0-9a-f]|\\[bfnrt/"\\\\]|\\ud83d\\ude0[0-9]|[a-z ]){0,8}""#),
    ];
    let number = prop_oneof![
        regex("-?(0|[1-9][0-9]{0,14})"),
        regex("-?(0|[1-9][0-9]{0,20})\\.[0-9]{1,20}"),
        regex("-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,5})?[eE][+-]?[0-9]{1,2}"),
    ];
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        string,
        number
    ];
    let value = scalar.prop_recursive(5, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(|all| format!("[{}]", all.join(","))),
            object(inner),
        ]
    });
    object(value)
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let name = prop_oneof![any::<String>(), string_regex("[$._a-z]{0,3}").expect("a pattern")];
    let name = name.prop_map(|name| name.replace('\0', ""));
    prop::collection::btree_map(name, value, 0..6).prop_map(|members| {
        let members: Vec<_> =
            members.iter().rev().map(|(name, value)| format!("{}:{value}", quoted(name))).collect();
        format!("{{{}}}", members.join(","))
    })
}

/// Returns a text as a JSON string.
fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        '\0'..'\u{20}' => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}
