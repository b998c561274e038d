//! Query strings: what is not known, or stands twice, is refused rather than ignored.

use std::borrow::Cow;

use lambda_http::Request;

use crate::Problem;

/// A numbered page of the log, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    /// From 1.
    pub page: u64,
    /// 1 to 1000.
    pub limit: u64,
}

const MAX_LIMIT: u64 = 1000;
const DEFAULT_LIMIT: u64 = 100;

/// Reads `page` and `limit`.
pub fn paging(request: &Request) -> Result<Paging, Problem> {
    let [page, limit] = parameters(request.uri().query(), ["page", "limit"])?;
    Ok(Paging {
        page: number("page", page, 1, u64::MAX)?,
        limit: number("limit", limit, DEFAULT_LIMIT, MAX_LIMIT)?,
    })
}

/// Refuses any parameter.
pub fn no_parameters(request: &Request) -> Result<(), Problem> {
    let [] = parameters(request.uri().query(), [])?;
    Ok(())
}

fn parameters<'a, const N: usize>(
    query: Option<&'a str>,
    names: [&str; N],
) -> Result<[Option<Cow<'a, str>>; N], Problem> {
    let mut values = [const { None }; N];
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let Some(place) = names.iter().position(|known| *known == name) else {
            return Err(Problem::invalid_query(format!("The parameter {name:?} is not known here.")));
        };
        if values[place].replace(value).is_some() {
            return Err(Problem::invalid_query(format!("The parameter {name:?} stands there twice.")));
        }
    }
    Ok(values)
}

fn number(name: &str, value: Option<Cow<'_, str>>, default: u64, max: u64) -> Result<u64, Problem> {
    let Some(value) = value else { return Ok(default) };
    let digits = Some(&*value).filter(|value| value.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|digits| digits.parse().ok()).filter(|number| (1..=max).contains(number));
    number.ok_or_else(|| {
        let range = if max == u64::MAX { "of 1 or more".into() } else { format!("from 1 to {max}") };
        Problem::invalid_query(format!("The parameter {name:?} must be a whole number {range}."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Option<Paging> {
        let request = lambda_http::http::Request::builder().uri(format!("http://localhost/events?{query}"));
        paging(&request.body(lambda_http::Body::Empty).expect("a request")).ok()
    }

    #[test]
    fn pages_have_defaults_and_bounds() {
        assert_eq!(read(""), Some(Paging { page: 1, limit: 100 }));
        assert_eq!(read("page=7&limit=1000"), Some(Paging { page: 7, limit: 1000 }));
        assert_eq!(read("limit=1"), Some(Paging { page: 1, limit: 1 }));
        for bad in [
            "page=0",
            "page=-1",
            "page=%2B1",
            "page=1.0",
            "page=",
            "page=a",
            "page=99999999999999999999999",
            "limit=0",
            "limit=1001",
            "page=1&page=1",
            "page=1&page=2",
            "Page=1",
            "x=1",
            "page",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
