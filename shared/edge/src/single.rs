//! Headers that a request gives at most once.
//!
//! Gateways join repeated header lines with a comma (RFC 9110, 5.3; API Gateway payload format 2.0), and proxies in
//! front of them may have done so before. So a comma in such a header means that the request gave it twice.

use lambda_http::http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::Problem;

/// Returns the value of a header whose grammar has no comma; `None` where the request lacks it.
///
/// # Errors
///
/// 400 if the request gives the header twice, on two lines or joined by a comma.
pub fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Problem> {
    one_line(headers, name, |value| value.contains(&b','))
}

/// As [`single`], for a header whose parameters may be quoted strings: a comma inside of quotes joins nothing.
pub(crate) fn single_with_parameters<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, Problem> {
    one_line(headers, name, has_unquoted_comma)
}

fn one_line<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    is_joined: impl Fn(&[u8]) -> bool,
) -> Result<Option<&'a HeaderValue>, Problem> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() || first.is_some_and(|value| is_joined(value.as_bytes())) {
        return Err(Problem::repeated_header(name.as_str()));
    }
    Ok(first)
}

/// Quoted strings as in RFC 9110, 5.6.4.
fn has_unquoted_comma(value: &[u8]) -> bool {
    let (mut is_quoted, mut is_escaped) = (false, false);
    value.iter().any(|byte| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_quoted,
            b'"' => is_quoted = !is_quoted,
            b',' => return !is_quoted,
            _ => {}
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use lambda_http::http::header::CONTENT_TYPE;

    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (CONTENT_TYPE, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_header_given_twice_is_refused_however_it_was_joined() {
        assert_eq!(single(&headers(&[]), &CONTENT_TYPE), Ok(None));
        assert_eq!(single(&headers(&["a"]), &CONTENT_TYPE), Ok(Some(&HeaderValue::from_static("a"))));
        for twice in [&["a", "a"][..], &["a,a"], &["a, b"], &["a,"], &[","], &["\"a,b\""]] {
            assert!(single(&headers(twice), &CONTENT_TYPE).is_err(), "{twice:?}");
        }
    }

    #[test]
    fn a_comma_inside_of_quotes_joins_nothing_where_there_are_quoted_strings() {
        for once in ["a;b=\"c,d\"", "a;b=\"\\\",\"", "a;b=\"\\\\\";c=\",\""] {
            assert!(single_with_parameters(&headers(&[once]), &CONTENT_TYPE).is_ok(), "{once}");
        }
        for twice in [&["a;b=\"c\",d"][..], &["a\\,b"], &["a;b=\"\\\\\",c"], &["a", "b"]] {
            assert!(single_with_parameters(&headers(twice), &CONTENT_TYPE).is_err(), "{twice:?}");
        }
    }
}
