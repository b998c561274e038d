//! Query strings: what is not known, or stands twice, is refused rather than ignored.

use std::borrow::Cow;

use lambda_http::Request;

use crate::Problem;

/// Refuses any parameter.
pub fn no_parameters(request: &Request) -> Result<(), Problem> {
    let [] = parameters(request, [])?;
    Ok(())
}

/// The values of the parameters with these names.
pub(crate) fn parameters<'a, const N: usize>(
    request: &'a Request,
    names: [&str; N],
) -> Result<[Option<Cow<'a, str>>; N], Problem> {
    let query = request.uri().query().unwrap_or_default();
    let mut values = [const { None }; N];
    let pieces = query.split('&').flat_map(|piece| {
        form_urlencoded::parse(piece.as_bytes()).map(move |(name, value)| (piece, name, value))
    });
    for (piece, name, value) in pieces {
        let Some(place) = names.iter().position(|known| *known == name) else {
            return Err(Problem::invalid_query(format!("The parameter {name:?} is not known here.")));
        };
        // What is not UTF-8 was replaced by this character, unless it was sent.
        if value.contains('\u{fffd}') && !piece.to_ascii_uppercase().contains("%EF%BF%BD") {
            return Err(Problem::invalid_query(format!("The parameter {name:?} is not UTF-8.")));
        }
        if values[place].replace(value).is_some() {
            return Err(Problem::invalid_query(format!("The parameter {name:?} stands there twice.")));
        }
    }
    Ok(values)
}

pub(crate) fn number(
    name: &str,
    value: Option<Cow<'_, str>>,
    default: u64,
    max: u64,
) -> Result<u64, Problem> {
    let Some(value) = value else { return Ok(default) };
    let digits = Some(&*value).filter(|value| value.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|digits| digits.parse().ok()).filter(|number| (1..=max).contains(number));
    number.ok_or_else(|| {
        let range = if max == u64::MAX { "of 1 or more".into() } else { format!("from 1 to {max}") };
        Problem::invalid_query(format!("The parameter {name:?} must be a whole number {range}."))
    })
}
