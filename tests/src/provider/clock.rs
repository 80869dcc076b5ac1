//! The provider's calendar: its own elapsed time as the dates that its headers carry.

use std::time::Duration;

const DAY_S: u64 = 86_400;
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
/// The months; the first is unused, for they count from 1.
const MONTHS: [&str; 13] =
    ["", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Year, month from 1 and day from 1 of a day since 1970: by Hinnant's `civil_from_days`, for days from 1970 on.
fn civil(day: u64) -> (u64, u64, u64) {
    let shifted = day + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let date = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year + era * 400 + u64::from(month <= 2), month, date)
}

fn nth(names: &[&'static str], at: u64) -> &'static str {
    names[usize::try_from(at).expect("a name's place")]
}

/// Hour, minute and second of a time since 1970.
fn time(since_1970: Duration) -> (u64, u64, u64) {
    let second = since_1970.as_secs() % DAY_S;
    (second / 3_600, second / 60 % 60, second % 60)
}

/// Seconds, rounded up.
pub(super) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// As in `anthropic-ratelimit-requests-reset`: `2026-01-01T00:00:12Z`. Parts of a second are rounded up, so that at the
/// moment that is named what was promised is there.
pub(super) fn rfc3339(since_1970: Duration) -> String {
    let whole = Duration::from_secs(whole_seconds(since_1970));
    let (year, month, date) = civil(whole.as_secs() / DAY_S);
    let (hour, minute, second) = time(whole);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// As in `date` and `retry-after`: `Thu, 01 Jan 2026 00:00:12 GMT`. Parts of a second are cut off.
pub(super) fn http_date(since_1970: Duration) -> String {
    let day = since_1970.as_secs() / DAY_S;
    let (year, month, date) = civil(day);
    let (hour, minute, second) = time(since_1970);
    let weekday = nth(&DAYS, day % 7);
    let month = nth(&MONTHS, month);
    format!("{weekday}, {date:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// As in `x-ratelimit-reset-tokens`: `6m0s`, `1.5s`, `20ms`. Parts of a millisecond are rounded up.
pub(super) fn go_duration(time: Duration) -> String {
    let millis = time.as_nanos().div_ceil(1_000_000);
    if millis < 1_000 {
        return format!("{millis}ms");
    }
    let (minutes, of_minute) = (millis / 60_000, millis % 60_000);
    let (seconds, rest) = (of_minute / 1_000, of_minute % 1_000);
    let fraction = format!(".{rest:03}");
    let fraction = if rest == 0 { "" } else { fraction.trim_end_matches('0') };
    let (hours, minutes) = (minutes / 60, minutes % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}{fraction}s"),
        (0, _) => format!("{minutes}m{seconds}{fraction}s"),
        _ => format!("{hours}h{minutes}m{seconds}{fraction}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_providers_write_them() {
        for (seconds, rfc, http) in [
            (0, "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "2000-02-29T00:00:00Z", "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_767_225_599, "2025-12-31T23:59:59Z", "Wed, 31 Dec 2025 23:59:59 GMT"),
            (1_767_225_600, "2026-01-01T00:00:00Z", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ] {
            let time = Duration::from_secs(seconds);
            assert_eq!((rfc3339(time).as_str(), http_date(time).as_str()), (rfc, http));
        }
        assert_eq!(rfc3339(Duration::from_millis(1_500)), "1970-01-01T00:00:02Z");
    }

    #[test]
    fn spans_are_written_as_go_writes_them() {
        for (millis, expected) in [
            (0, "0ms"),
            (20, "20ms"),
            (1_000, "1s"),
            (1_050, "1.05s"),
            (360_000, "6m0s"),
            (61_001, "1m1.001s"),
            (3_600_000, "1h0m0s"),
        ] {
            assert_eq!(go_duration(Duration::from_millis(millis)), expected);
        }
    }
}
