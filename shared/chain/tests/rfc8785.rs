//! The canonical form against RFC 8785's own examples and against an independent crate.

use eventlog_chain::{canonical, parse_json};
use proptest::prelude::*;
use serde_json::Value;

fn canonical_of(text: &str) -> String {
    canonical(&parse_json(text, 64).expect(text))
}

/// RFC 8785, 3.2.2 and 3.2.4: literals, numbers and escapes.
#[test]
fn the_example_of_the_rfc() {
    let input = r#"{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }"#;
    let expected = r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
    assert_eq!(canonical_of(input), expected);
}

/// RFC 8785, 3.2.3: the order is that of UTF-16 code units, so the emoji (a surrogate pair) comes before the
/// Hebrew presentation form; bytes or code points would put it behind.
#[test]
fn the_sorting_example_of_the_rfc() {
    let input = r#"{
      "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis"
    }"#;
    let Value::Object(sorted) = serde_json::from_str(input).expect("json") else { panic!("an object") };
    assert_eq!(sorted.len(), 7);
    let text = canonical_of(input);
    let places: Vec<_> = ["\\r", "1", "\u{80}", "ö", "€", "😀", "\u{fb33}"]
        .iter()
        .map(|name| text.find(&format!("\"{name}\":")).unwrap_or_else(|| panic!("{name} in {text}")))
        .collect();
    assert!(places.is_sorted(), "{text}");
}

/// RFC 8785, appendix B: doubles by their bits, and their text.
#[test]
fn the_numbers_of_the_rfc() {
    for (bits, expected) in [
        (0x0000_0000_0000_0000, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"),
        (0x41b3_de43_5555_5556, "333333333.3333334"),
        (0x41b3_de43_5555_5557, "333333333.33333343"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ] {
        assert_eq!(canonical(&Value::from(f64::from_bits(bits))), expected, "{bits:016x}");
    }
}

#[test]
fn one_number_has_one_text() {
    for text in ["1", "1.0", "1e0", "10e-1", "0.1e1"] {
        assert_eq!(canonical_of(text), "1");
    }
    assert_eq!(canonical_of("-0"), "0");
    assert_eq!(canonical_of("-0.0"), "0");
}

fn json() -> impl Strategy<Value = Value> {
    let name = prop_oneof!["[ -~]{0,6}", "\\PC{0,4}", "[\u{e000}-\u{ffff}\u{10000}-\u{10fff}]{0,2}"];
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991..=9_007_199_254_740_991_i64).prop_map(Value::from),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    scalar.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn an_independent_implementation_agrees(value in json()) {
        let oracle = serde_json_canonicalizer::to_string(&value).expect("canonical");
        prop_assert_eq!(canonical(&value), oracle);
    }

    #[test]
    fn the_canonical_form_of_the_canonical_form_is_itself(value in json()) {
        let once = canonical(&value);
        // A double beyond 2^53 may print as a long integer, which strict input does not take.
        let again: Value = serde_json::from_str(&once).expect("json");
        prop_assert_eq!(canonical(&again), once);
    }

    #[test]
    fn the_parser_takes_what_a_plain_parser_takes(value in json()) {
        let text = value.to_string();
        prop_assert_eq!(parse_json(&text, 64).expect("strict"), serde_json::from_str::<Value>(&text).expect("plain"));
    }
}
