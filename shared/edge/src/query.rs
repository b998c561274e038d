//! Query strings: what is not known, or stands twice, is refused rather than ignored.

use std::borrow::Cow;

use eventlog_ledger::{EventId, Filter, MAX_TEXT_CHARS};
use lambda_http::Request;

use crate::Problem;

type Value<'a> = Option<Cow<'a, str>>;
type Parameter<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Refuses any parameter.
pub fn no_parameters(request: &Request) -> Result<(), Problem> {
    let [] = query_parameters(request, [])?;
    Ok(())
}

/// The values of the parameters with these names in the query string.
pub(crate) fn query_parameters<'a, const N: usize>(
    request: &'a Request,
    names: [&str; N],
) -> Result<[Value<'a>; N], Problem> {
    parameters(decoded(request.uri().query().unwrap_or_default())?, names)
}

/// The parameters of a query string, in their order. One that is not UTF-8 is refused.
pub fn decoded(query: &str) -> Result<Vec<Parameter<'_>>, Problem> {
    let pieces = query.split('&').flat_map(|piece| {
        form_urlencoded::parse(piece.as_bytes()).map(move |(name, value)| (piece, name, value))
    });
    let mut decoded = Vec::new();
    for (piece, name, value) in pieces {
        // What is not UTF-8 was replaced by this character, unless it was sent.
        if value.contains('\u{fffd}') && !piece.to_ascii_uppercase().contains("%EF%BF%BD") {
            return Err(Problem::invalid_query(format!("The parameter {name:?} is not UTF-8.")));
        }
        decoded.push((name, value));
    }
    Ok(decoded)
}

/// The values of those with these names, of parameters that are decoded already.
pub(crate) fn parameters<'a, const N: usize>(
    all: impl IntoIterator<Item = Parameter<'a>>,
    names: [&str; N],
) -> Result<[Value<'a>; N], Problem> {
    let mut values = [const { None }; N];
    for (name, value) in all {
        let Some(place) = names.iter().position(|known| *known == name) else {
            return Err(Problem::invalid_query(format!("The parameter {name:?} is not known here.")));
        };
        if values[place].replace(value).is_some() {
            return Err(Problem::invalid_query(format!("The parameter {name:?} is given twice.")));
        }
    }
    Ok(values)
}

pub(crate) fn number(name: &str, value: Value<'_>, default: u64, max: u64) -> Result<u64, Problem> {
    let Some(value) = value else { return Ok(default) };
    let digits = Some(&*value).filter(|value| value.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|digits| digits.parse().ok()).filter(|number| (1..=max).contains(number));
    number.ok_or_else(|| {
        let range = if max == u64::MAX { "of 1 or more".into() } else { format!("from 1 to {max}") };
        Problem::invalid_query(format!("The parameter {name:?} must be a whole number {range}."))
    })
}

pub(crate) fn id(name: &str, value: &str) -> Result<EventId, Problem> {
    value.parse().map_err(|_| Problem::unknown_cursor(name))
}

/// What the parameters `eventType` and `sourceAppId` ask for.
pub(crate) fn filter(event_type: Value<'_>, source_app_id: Value<'_>) -> Result<Filter, Problem> {
    Ok(Filter {
        event_type: event_type.map(|value| text("eventType", value)).transpose()?,
        source_app_id: source_app_id.map(|value| text("sourceAppId", value)).transpose()?,
    })
}

fn text(name: &str, value: Cow<'_, str>) -> Result<String, Problem> {
    if !(1..=MAX_TEXT_CHARS).contains(&value.chars().count()) {
        let detail = format!("The parameter {name:?} must have 1 to {MAX_TEXT_CHARS} characters.");
        return Err(Problem::invalid_query(detail));
    }
    Ok(value.into_owned())
}
