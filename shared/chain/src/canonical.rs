//! RFC 8785, the JSON Canonicalization Scheme (JCS).

use serde_json::Value;

use crate::tree::Tree;

/// The canonical bytes of `value` (RFC 8785, 3.2): no white space, members sorted by the UTF-16 code units
/// of their names, numbers as ECMAScript prints the double.
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write(&Tree::from(value), &mut out);
    out
}

pub(crate) fn write(tree: &Tree<'_>, out: &mut String) {
    match tree {
        Tree::Null => out.push_str("null"),
        Tree::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Tree::Number(number) => write_number(number, out),
        Tree::String(text) => write_string(text, out),
        Tree::Array(elements) => {
            out.push('[');
            for (i, element) in elements.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(element, out);
            }
            out.push(']');
        }
        Tree::Object(members) => {
            out.push('{');
            for (i, (name, member)) in members.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_string(name, out);
                out.push(':');
                write(member, out);
            }
            out.push('}');
        }
    }
}

/// Every number means its double, so `1.0`, `1` and `1e0` are one. A safe integer prints as it is.
fn write_number(number: &serde_json::Number, out: &mut String) {
    match number.as_i64() {
        Some(n) if n.unsigned_abs() <= crate::MAX_SAFE_INTEGER => out.push_str(itoa::Buffer::new().format(n)),
        _ => out.push_str(ryu_js::Buffer::new().format_finite(number.as_f64().unwrap_or_default())),
    }
}

/// RFC 8785, 3.2.2.2: only `"`, `\\` and the control characters are escaped.
pub(crate) fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let Some(short) = escape(byte) else { continue };
        out.push_str(&text[plain..at]);
        plain = at + 1;
        out.push('\\');
        out.push(char::from(short));
        if short == b'u' {
            out.push_str("00");
            out.push(char::from(b'0' + (byte >> 4)));
            out.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// How many bytes `write_string` writes.
pub(crate) fn string_len(text: &str) -> usize {
    let len = |byte| match escape(byte) {
        None => 1,
        Some(b'u') => "\\u0000".len(),
        Some(_) => 2,
    };
    text.bytes().map(len).sum::<usize>() + 2
}

/// What stands behind the backslash: the short form where there is one, else `u` and four digits.
fn escape(byte: u8) -> Option<u8> {
    match byte {
        b'"' | b'\\' => Some(byte),
        0x08 => Some(b'b'),
        b'\t' => Some(b't'),
        b'\n' => Some(b'n'),
        0x0c => Some(b'f'),
        b'\r' => Some(b'r'),
        0..0x20 => Some(b'u'),
        _ => None,
    }
}
