//! What the headers of a provider's answer say of its limits: pure, over names and values. Whatever is not understood
//! is passed over: a header of a gateway must not fail a call.
//!
//! Dates need the time at which the answer was given. It is the answer's own `Date` where there is one, so that clocks
//! that go differently do no harm; see [`date`].

#[cfg(test)]
mod tests;

use std::time::{Duration, UNIX_EPOCH};

use super::limits::MAX_RATE;
use super::{Quantity, Seen, Standing};
use crate::caps::MAX_PAUSE;
use crate::time::Timestamp;

/// What headers say of the limits: those of Anthropic (`anthropic-ratelimit-input-tokens-remaining`, a reset is a date
/// of RFC 3339) and those that `OpenAI` and many others send (`x-ratelimit-remaining-tokens`, a reset is a span such as
/// `6m0s`, `1.5s`, `20ms`, plain seconds, or a moment in seconds or milliseconds since 1970). `x-ratelimit-limit`
/// without a quantity, as `OpenRouter` sends it, is one of requests, where nothing else is said of them. Names are
/// compared without regard to case.
///
/// `now` is when the answer was given; without it, a reset that is a date is passed over. Spans are cut to
/// [`MAX_PAUSE`].
pub fn seen<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    now: Option<Timestamp>,
) -> Seen {
    let mut seen = Seen::default();
    let mut bare = Standing::default();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        let (standing, field) = match anthropic(&name).or_else(|| openai(&name)) {
            Some((quantity, field)) => (seen.of_mut(quantity), field),
            None => (&mut bare, name.strip_prefix(OPENAI).unwrap_or_default()),
        };
        match field {
            "limit" => standing.limit = amount(value).or(standing.limit),
            "remaining" => standing.remaining = amount(value).or(standing.remaining),
            "reset" => standing.reset = reset(value, now).or(standing.reset),
            _ => {}
        }
    }
    let requests = seen.of_mut(Quantity::Requests);
    if *requests == Standing::default() {
        *requests = bare;
    }
    seen
}

/// How long to wait at least: `retry-after-ms`, else `retry-after` in seconds, also with a fraction, or as a date. Cut
/// to [`MAX_PAUSE`]; a date that lies behind `now` is no wait.
pub fn retry_after<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    now: Option<Timestamp>,
) -> Option<Duration> {
    let (mut exact, mut plain) = (None, None);
    for (name, value) in headers {
        if name.eq_ignore_ascii_case("retry-after-ms") {
            exact = decimal(value.trim()).and_then(|millis| scaled(millis, 1e-3)).or(exact);
        } else if name.eq_ignore_ascii_case("retry-after") {
            plain = span(value).or_else(|| until(date(value)?, now)).or(plain);
        }
    }
    exact.or(plain).map(|wait| wait.min(MAX_PAUSE))
}

/// A date as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT`, or in one of its two older forms.
pub fn date(value: &str) -> Option<Timestamp> {
    let since = httpdate::parse_http_date(value.trim()).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp(i64::try_from(since.as_millis()).ok()?))
}

/// `anthropic-ratelimit-<quantity>-<field>`.
fn anthropic(name: &str) -> Option<(Quantity, &str)> {
    let (quantity, field) = name.strip_prefix("anthropic-ratelimit-")?.rsplit_once('-')?;
    let quantity = match quantity {
        "requests" => Quantity::Requests,
        "tokens" => Quantity::Tokens,
        "input-tokens" => Quantity::InputTokens,
        "output-tokens" => Quantity::OutputTokens,
        _ => return None,
    };
    Some((quantity, field))
}

/// What headers begin with that `OpenAI` and many others send.
const OPENAI: &str = "x-ratelimit-";

/// `x-ratelimit-<field>-<quantity>`.
fn openai(name: &str) -> Option<(Quantity, &str)> {
    let (field, quantity) = name.strip_prefix(OPENAI)?.split_once('-')?;
    let quantity = match quantity {
        "requests" => Quantity::Requests,
        "tokens" => Quantity::Tokens,
        _ => return None,
    };
    Some((quantity, field))
}

/// Some gateways send -1 where they know nothing.
fn amount(value: &str) -> Option<u64> {
    value.trim().parse().ok().filter(|amount| *amount <= MAX_RATE)
}

fn reset(value: &str, now: Option<Timestamp>) -> Option<Duration> {
    let moment = since_1970(value.trim()).or_else(|| rfc3339(value.trim()));
    let left = match moment {
        Some(moment) => until(moment, now)?,
        None => span(value)?,
    };
    Some(left.min(MAX_PAUSE))
}

/// A number that is no span any more, but a moment: seconds since 1970, or milliseconds.
fn since_1970(text: &str) -> Option<Timestamp> {
    let number = decimal(text)?;
    let unit_seconds = if number > 1e12 { 1e-3 } else { 1.0 };
    let since = (number > 1e9).then(|| scaled(number, unit_seconds))??;
    Some(Timestamp(i64::try_from(since.as_millis()).ok()?))
}

fn until(moment: Timestamp, now: Option<Timestamp>) -> Option<Duration> {
    Some(moment.since(now?))
}

/// Plain seconds, or numbers with units one behind the other: `1h2m3.5s`.
fn span(value: &str) -> Option<Duration> {
    let value = value.trim();
    if let Some(seconds) = decimal(value) {
        return scaled(seconds, 1.0);
    }
    let (mut rest, mut sum) = (value, Duration::ZERO);
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let behind = &rest[unit_at..];
        let unit_ends = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let seconds = match &behind[..unit_ends] {
            "d" => 86_400.0,
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "\u{b5}s" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        sum = sum.checked_add(scaled(decimal(&rest[..unit_at])?, seconds)?)?;
        rest = &behind[unit_ends..];
    }
    (!value.is_empty()).then_some(sum)
}

/// Digits, with a point among them or not: no signs, no exponents, no names of numbers.
fn decimal(text: &str) -> Option<f64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    (is_plain && text.len() <= 32).then(|| text.parse().ok()).flatten()
}

fn scaled(number: f64, unit_seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number * unit_seconds).ok()
}

/// `2026-01-27T12:00:30Z`, with a fraction of a second or not, or with an offset in the place of the `Z`.
fn rfc3339(text: &str) -> Option<Timestamp> {
    let (day, time) = text.split_once(['T', 't', ' '])?;
    let [year, month, day_of_month] = numbers(day, '-', [4, 2, 2])?;
    let zone_at = time.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = time.split_at(zone_at);
    let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
    let [hour, minute, second] = numbers(whole, ':', [2, 2, 2])?;
    let is_valid = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day_of_month)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !is_valid || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds =
        days_since_1970(year, month, day_of_month) * 86_400 + hour * 3_600 + minute * 60 + second
            - offset_seconds(zone)?;
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Some(Timestamp(seconds * 1_000 + millis))
}

fn offset_seconds(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let [hours] = numbers(hours, ':', [2])?;
    let [minutes] = numbers(minutes, ':', [2])?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// Numbers of so many digits each, with a sign between them.
fn numbers<const N: usize>(text: &str, between: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut found = [0; N];
    let mut parts = text.split(between);
    for (place, digits) in found.iter_mut().zip(digits) {
        let part = parts.next()?;
        let is_plain = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        *place = is_plain.then(|| part.parse().ok()).flatten()?;
    }
    parts.next().is_none().then_some(found)
}

/// Days from the epoch in the Gregorian calendar, counted in years that begin in March, so that the day that leap years
/// have more is their last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let of_years = year * 365 + year / 4 - year / 100 + year / 400;
    of_years + (month * 153 + 2) / 5 + day - 719_469
}
