//! Strict JSON: RFC 8259 text within the limits of I-JSON (RFC 7493), which RFC 8785 builds on.
//!
//! A plain parser keeps the last of two equal names and turns a 30-digit integer into a double. Both would
//! let one hash stand for two different texts, so both are refused here, with a pointer to the place.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

use crate::tokens::{Name, NumberTokens};
use crate::tree::{Tree, by_utf16};

/// The largest integer that every JSON reader takes for the same number: 2^53 - 1 (RFC 7493, 2.2).
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// What is wrong with a JSON text, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail} (at {pointer:?})")]
pub struct Fault {
    /// RFC 6901 JSON pointer; of a text that is no JSON: as far as it could be read.
    pub pointer: String,
    /// One sentence for a person.
    pub detail: String,
}

impl Fault {
    /// The same fault, seen from an array that has the text at `index`.
    pub fn within(self, index: usize) -> Self {
        Self { pointer: format!("/{index}{}", self.pointer), ..self }
    }
}

/// Parses `text`, nested at most `max_depth` deep (a scalar is 0 deep, `{}` is 1).
pub fn parse(text: &str, max_depth: usize) -> Result<Value, Fault> {
    parse_tree(text, max_depth).map(Value::from)
}

pub(crate) fn parse_tree(text: &str, max_depth: usize) -> Result<Tree<'_>, Fault> {
    let tokens = NumberTokens::of(text);
    let mut walk = Walk { max_depth, path: String::new(), depth: 0, numbers: 0, tokens, fault: None };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let tree = Strict(&mut walk).deserialize(&mut deserializer);
    match tree.and_then(|tree| deserializer.end().map(|()| tree)) {
        Ok(tree) => Ok(tree),
        Err(error) => {
            Err(Fault { pointer: walk.path, detail: walk.fault.unwrap_or_else(|| explain(&error)) })
        }
    }
}

/// What the parser could not take, where the fault is not one of syntax.
fn explain(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let is = |start: &str| message.starts_with(start);
    if is("number out of range") {
        "this number is beyond a double; send it as a string".into()
    } else if is("lone leading surrogate") || is("unexpected end of hex escape") {
        "this string has a lone surrogate, which is no character, or a cut-off \\u escape".into()
    } else if is("recursion limit exceeded") {
        "this is nested too deep".into()
    } else {
        format!("this is not valid JSON: {message}")
    }
}

/// One step of an RFC 6901 pointer: `/` and the name, escaped.
pub fn pointer_step(name: &str) -> String {
    let mut step = String::with_capacity(name.len() + 1);
    push_step(&mut step, name);
    step
}

fn push_step(path: &mut String, name: &str) {
    path.push('/');
    if name.contains(['~', '/']) {
        path.push_str(&name.replace('~', "~0").replace('/', "~1"));
    } else {
        path.push_str(name);
    }
}

/// Where the parser stands. On an error the path is left as it is: it is the place.
struct Walk<'t> {
    max_depth: usize,
    path: String,
    depth: usize,
    /// How many numbers were read since the last one that was looked up in `tokens`.
    numbers: usize,
    /// The numbers as they stand in the text: to the visitor `1e30` and a 31-digit integer look alike.
    tokens: NumberTokens<'t>,
    fault: Option<String>,
}

impl Walk<'_> {
    fn refuse<E: serde::de::Error>(&mut self, detail: impl Into<String>) -> E {
        self.fault = Some(detail.into());
        E::custom("refused")
    }

    fn descend<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.depth += 1;
        if self.depth > self.max_depth {
            return Err(self.refuse(format!("nested more than {} deep", self.max_depth)));
        }
        Ok(())
    }

    /// Whether the number that was just read is written as an integer.
    fn is_integer(&mut self) -> bool {
        let token = self.tokens.nth(std::mem::take(&mut self.numbers) - 1);
        token.is_some_and(|token| !token.contains(['.', 'e', 'E']))
    }
}

const UNSAFE_INTEGER: &str =
    "an integer beyond ±(2^53-1) is not the same number to every reader; send it as a string";

struct Strict<'a, 't>(&'a mut Walk<'t>);

impl<'de> DeserializeSeed<'de> for Strict<'_, '_> {
    type Value = Tree<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_, '_> {
    type Value = Tree<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Tree<'de>, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree<'de>, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Tree<'de>, E> {
        self.0.numbers += 1;
        if value > MAX_SAFE_INTEGER {
            return Err(self.0.refuse(UNSAFE_INTEGER));
        }
        Ok(Tree::Number(value.into()))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Tree<'de>, E> {
        self.0.numbers += 1;
        if value.unsigned_abs() > MAX_SAFE_INTEGER {
            return Err(self.0.refuse(UNSAFE_INTEGER));
        }
        Ok(Tree::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Tree<'de>, E> {
        self.0.numbers += 1;
        if value.abs() >= MAX_SAFE_INTEGER as f64 && self.0.is_integer() {
            return Err(self.0.refuse(UNSAFE_INTEGER));
        }
        Number::from_f64(value).map(Tree::Number).ok_or_else(|| self.0.refuse("a number beyond a double"))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Tree<'de>, E> {
        Ok(Tree::String(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree<'de>, E> {
        Ok(Tree::String(value.to_owned().into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Tree<'de>, A::Error> {
        let walk = self.0;
        walk.descend()?;
        let parent = walk.path.len();
        let mut values = Vec::new();
        loop {
            walk.path.push('/');
            walk.path.push_str(itoa::Buffer::new().format(values.len()));
            let Some(value) = elements.next_element_seed(Strict(walk))? else { break };
            values.push(value);
            walk.path.truncate(parent);
        }
        walk.path.truncate(parent);
        walk.depth -= 1;
        Ok(Tree::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree<'de>, A::Error> {
        let walk = self.0;
        walk.descend()?;
        let parent = walk.path.len();
        let mut object = Vec::new();
        while let Some(name) = members.next_key_seed(Name)? {
            push_step(&mut walk.path, &name);
            if name.contains('\0') {
                return Err(walk.refuse("a member name must not contain NUL"));
            }
            let value = members.next_value_seed(Strict(walk))?;
            object.push((name, value));
            walk.path.truncate(parent);
        }
        object.sort_unstable_by(|(a, _): &(Cow<'_, str>, _), (b, _)| by_utf16(a, b));
        if let Some(twins) = object.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            push_step(&mut walk.path, &twins[0].0);
            return Err(walk.refuse("this member name is given twice"));
        }
        walk.depth -= 1;
        Ok(Tree::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (String, String) {
        let fault = parse(text, 64).expect_err(text);
        (fault.pointer, fault.detail)
    }

    #[test]
    fn a_member_name_stands_once_at_any_depth() {
        assert_eq!(fault(r#"{"a":[{"b":1},{"c":1,"c":1}]}"#).0, "/a/1/c");
        assert_eq!(fault(r#"{"a":1,"\u0061":1}"#).0, "/a");
        assert!(parse(r#"{"a":{"a":1},"b":{"a":1}}"#, 64).is_ok());
    }

    #[test]
    fn integers_end_where_doubles_do() {
        for ok in [
            "9007199254740991",
            "-9007199254740991",
            "9007199254740993.0",
            "1e30",
            "-1e300",
            "123456789012345678901234567890.5",
        ] {
            assert!(parse(ok, 64).is_ok(), "{ok}");
        }
        for bad in [
            "9007199254740992",
            "-9007199254740992",
            "18446744073709551616",
            "123456789012345678901234567890",
        ] {
            let text = format!(r#"{{"s":"1e30 \" 12","f":[1e30,2.5],"n":[0,{bad}]}}"#);
            assert_eq!(fault(&text).0, "/n/1", "{bad}");
        }
    }

    #[test]
    fn what_is_no_i_json_is_refused() {
        for (text, pointer) in [
            (r#"{"a":1e400}"#, "/a"),
            (r#"{"a":"\ud800"}"#, "/a"),
            (r#"{"a":"\udc00\ud800"}"#, "/a"),
            (r#"{"a\u0000b":1}"#, "/a\0b"),
            (r#"{"a":01}"#, "/a"),
            (r#"{"a":NaN}"#, "/a"),
            (r#"{"x/y~z":[1,}"#, "/x~1y~0z/1"),
            (r#"{"a":1} 2"#, ""),
            ("", ""),
            ("{\"a\":\"\n\"}", "/a"),
        ] {
            assert_eq!(fault(text).0, pointer, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(fault(r#"{"a":1e400}"#).1.starts_with("this number is beyond a double"));
        assert!(fault(r#"{"a":"\ud800"}"#).1.contains("lone surrogate"));
        assert!(fault(r#"{"a":}"#).1.starts_with("this is not valid JSON: expected value at line 1"));
    }

    #[test]
    fn depth_counts_containers() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(64), 64).is_ok());
        assert_eq!(fault(&nested(65)).1, "nested more than 64 deep");
        assert!(parse(&nested(100_000), 64).is_err());
    }
}
