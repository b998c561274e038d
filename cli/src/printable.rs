//! Foreign text on a terminal: file contents, answers of a server, errors that quote them.
//!
//! Control characters could move the cursor and forge a verdict, bidirectional ones could reorder it. `export` and
//! `tail --json` print the exact JSON of events, which other programs read; JSON escapes C0 controls itself.

use serde_json::Value;

/// Returns whether a terminal could act on this character, or show it as nothing: C0, DEL, C1, bidirectional controls,
/// zero-width characters, line and paragraph separators (Unicode, "Bidi_Control", "Default_Ignorable_Code_Point").
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns the text with each unprintable character as `\u{…}`.
pub(crate) fn printable(text: &str) -> String {
    escape(text, |c, out| out.extend(c.escape_unicode()))
}

/// Returns the text of a JSON value with each unprintable character as `\uXXXX`, so that its meaning is the same.
pub(crate) fn printable_json(value: &Value) -> String {
    escape(&value.to_string(), |c, out| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    })
}

fn escape(text: &str, escape_char: impl Fn(char, &mut String)) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unprintable(c) { escape_char(c, &mut out) } else { out.push(c) }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_has_no_character_that_a_terminal_acts_on() {
        let foreign = "a\u{1b}[2K\u{9b}\u{7f}\u{202e}\u{2066}\u{2028}\u{feff}\u{200b}\r\né€";
        let shown = printable(foreign);
        assert_eq!(shown, r"a\u{1b}[2K\u{9b}\u{7f}\u{202e}\u{2066}\u{2028}\u{feff}\u{200b}\u{d}\u{a}é€");
        let json = printable_json(&json!({ "reason": foreign, "tag": "\u{e0041}" }));
        assert!(!json.chars().any(is_unprintable), "{json}");
        let read: Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!((&read["reason"], &read["tag"]), (&json!(foreign), &json!("\u{e0041}")));
    }
}
