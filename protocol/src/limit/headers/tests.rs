//! Headers as providers and gateways send them, and as none should.

use super::*;

/// 2026-01-27T12:00:00Z.
const NOW: Timestamp = Timestamp(1_769_515_200_000);

/// Reads `name: value` lines and compares one standing, as `limit remaining reset`, `-` for what is not known.
fn check(headers: &str, quantity: Quantity, expected: &str) {
    let pairs = headers.lines().filter_map(|line| line.split_once(':'));
    let standing = seen(pairs, Some(NOW)).of(quantity);
    let number = |number: Option<u64>| number.map_or("-".to_owned(), |it| it.to_string());
    let reset = standing.reset.map_or("-".to_owned(), |reset| format!("{reset:?}"));
    let found = format!("{} {} {reset}", number(standing.limit), number(standing.remaining));
    assert_eq!(found, expected, "{headers}");
}

fn waits(header: &str, expected: Option<u64>) {
    let pairs = header.lines().filter_map(|line| line.split_once(':'));
    let expected = expected.map(Duration::from_millis);
    assert_eq!(retry_after(pairs, Some(NOW)), expected, "{header}");
}

#[test]
fn each_quantity_of_anthropic_is_read() {
    let headers = "anthropic-ratelimit-requests-limit: 50\n\
        anthropic-ratelimit-requests-remaining: 49\n\
        anthropic-ratelimit-requests-reset: 2026-01-27T12:00:01Z\n\
        anthropic-ratelimit-tokens-remaining: 70000\n\
        Anthropic-Ratelimit-Input-Tokens-Limit: 50000\n\
        anthropic-ratelimit-input-tokens-remaining: 0\n\
        anthropic-ratelimit-input-tokens-reset: 2026-01-27T12:00:30.5Z\n\
        anthropic-ratelimit-output-tokens-reset: 2026-01-27T13:00:30+01:00\n\
        anthropic-ratelimit-unified-5h-reset: 1769515200\n\
        anthropic-priority-input-tokens-limit: 7";
    check(headers, Quantity::Requests, "50 49 1s");
    check(headers, Quantity::Tokens, "- 70000 -");
    check(headers, Quantity::InputTokens, "50000 0 30.5s");
    check(headers, Quantity::OutputTokens, "- - 30s");
}

#[test]
fn spans_are_read_in_every_way_that_they_are_written() {
    for (reset, expected) in [
        ("6m0s", "360s"),
        ("1.5s", "1.5s"),
        ("20ms", "20ms"),
        ("1h2m3.25s", "3600s"),
        ("2m59.56s", "179.56s"),
        ("7", "7s"),
        ("0.25", "250ms"),
        ("0", "0ns"),
        (" 12ms ", "12ms"),
        ("41us", "41\u{b5}s"),
    ] {
        let headers =
            format!("x-ratelimit-reset-tokens: {reset}\nX-RateLimit-Limit-Requests: 60\nfoo: 1");
        check(&headers, Quantity::Tokens, &format!("- - {expected}"));
        check(&headers, Quantity::Requests, "60 - -");
    }
}

#[test]
fn a_reset_that_is_a_moment_is_compared_with_the_answers_own_time() {
    for (reset, expected) in [
        ("1769515230", "30s"),
        ("1769515230000", "30s"),
        ("1769515200250", "250ms"),
        ("1769515230.5", "30.5s"),
        ("1769515100", "0ns"),
        ("1999999999", "3600s"),
        ("99999999999999999999", "-"),
        ("999999999", "3600s"),
    ] {
        check(
            &format!("x-ratelimit-reset-requests: {reset}"),
            Quantity::Requests,
            &format!("- - {expected}"),
        );
    }
    let reset = [("x-ratelimit-reset-tokens", "1769515230")];
    assert_eq!(seen(reset, None), Seen::default(), "without the time it says nothing");
}

#[test]
fn headers_that_name_no_quantity_tell_of_requests() {
    let bare = "X-RateLimit-Limit: 20\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1769515230000";
    check(bare, Quantity::Requests, "20 0 30s");
    check(bare, Quantity::Tokens, "- - -");
    // Whoever names the quantity knows better, whatever comes first.
    check(&format!("{bare}\nx-ratelimit-limit-requests: 60"), Quantity::Requests, "60 - -");
    check(&format!("x-ratelimit-remaining-requests: 9\n{bare}"), Quantity::Requests, "- 9 -");
}

#[test]
fn nonsense_is_passed_over_and_no_pause_is_longer_than_the_cap() {
    for nonsense in [
        "",
        "-1",
        "-1s",
        "NaN",
        "inf",
        "1e9",
        "soon",
        "s",
        "1x",
        "1.2.3s",
        "5m3",
        "6 m",
        "..",
        "\u{661}s",
        "2026-01-27",
        "2026-13-27T12:00:00Z",
        "2026-01-27T25:00:00Z",
        "2026-01-27T12:00:00",
        "2026-01-27T12:00:00+1",
        "99999-01-27T12:00:00Z",
        "2026-01-27T12:00:00.\u{661}Z",
        "1769515200s\u{b5}",
    ] {
        let headers = format!(
            "x-ratelimit-reset-requests: {nonsense}\nx-ratelimit-limit-requests: {nonsense}\n\
             anthropic-ratelimit-requests-reset: {nonsense}\nx-ratelimit-remaining-requests: 5x"
        );
        check(&headers, Quantity::Requests, "- - -");
        waits(&format!("retry-after: {nonsense}\nretry-after-ms: {nonsense}"), None);
    }
    let long = "99999999999999999999999999999999999s";
    check(&format!("x-ratelimit-reset-tokens: {long}"), Quantity::Tokens, "- - -");
    check("x-ratelimit-reset-tokens: 400d", Quantity::Tokens, "- - 3600s");
    check("x-ratelimit-limit-tokens: 99999999999999", Quantity::Tokens, "- - -");
    check("anthropic-ratelimit-tokens-reset: 2031-01-01T00:00:00Z", Quantity::Tokens, "- - 3600s");
    check("anthropic-ratelimit-tokens-reset: 2020-01-01T00:00:00Z", Quantity::Tokens, "- - 0ns");
}

#[test]
fn a_later_header_that_says_nothing_takes_nothing_back() {
    check("x-ratelimit-limit-tokens: 9\nx-ratelimit-limit-tokens: -1", Quantity::Tokens, "9 - -");
}

#[test]
fn the_wait_is_read_from_each_of_its_headers() {
    waits("retry-after: 7", Some(7_000));
    waits("Retry-After: 0.5", Some(500));
    waits("retry-after: 2s", Some(2_000));
    waits("retry-after: 60\nretry-after-ms: 1500", Some(1_500));
    waits("retry-after-ms: nonsense\nretry-after: 3", Some(3_000));
    waits("retry-after: Tue, 27 Jan 2026 12:00:20 GMT", Some(20_000));
    waits("retry-after: Tuesday, 27-Jan-26 12:00:20 GMT", Some(20_000));
    waits("retry-after: Tue, 27 Jan 2026 11:00:00 GMT", Some(0));
    waits("retry-after: 86400", Some(3_600_000));
    waits("retry-after: Wed, 27 Jan 2038 12:00:00 GMT", Some(3_600_000));
    waits("after: 7", None);
}

#[test]
fn without_the_time_dates_say_nothing() {
    let date = [("retry-after", "Tue, 27 Jan 2026 12:00:20 GMT")];
    assert_eq!(retry_after(date, None), None);
    let reset = [("anthropic-ratelimit-tokens-reset", "2026-01-27T12:00:01Z")];
    assert_eq!(seen(reset, None), Seen::default());
}

#[test]
fn dates_are_counted_as_the_calendar_does() {
    for (text, millis) in [
        ("1970-01-01T00:00:00Z", 0),
        ("2000-02-29T23:59:59Z", 951_868_799_000),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000),
        ("2100-03-01T00:00:00Z", 4_107_542_400_000),
        ("2026-01-27 12:00:00.1234567z", NOW.0 + 123),
        ("2026-01-27T07:00:00-05:00", NOW.0),
    ] {
        assert_eq!(rfc3339(text), Some(Timestamp(millis)), "{text}");
    }
    assert_eq!(date("Tue, 27 Jan 2026 12:00:00 GMT"), Some(NOW));
    assert_eq!(date("27 Jan"), None);
}
