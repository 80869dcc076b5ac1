//! Which figures of two reports are held against each other, and what each of them rests on.

use serde_json::Value;

use super::super::distribution::whole;
use super::row::{Basis, Figure, Row, Told, WORSE_BEYOND};
use crate::report::words::{bytes, micros, thousands};

/// The store's file grows by doubling: what hardly differs takes one time or two times as much.
const FILE_WORSE_BEYOND: f64 = 2.0 * WORSE_BEYOND;

/// Figures so far.
struct Rows<'a> {
    before: &'a Value,
    after: &'a Value,
    found: Vec<Row>,
}

/// All figures, of which a report may lack any.
pub(super) fn rows(before: &Value, after: &Value) -> Vec<Row> {
    let mut rows = Rows { before, after, found: Vec::new() };
    breaches(&mut rows);
    times(&mut rows);
    work(&mut rows);
    rows.found
}

fn breaches(rows: &mut Rows) {
    let mut add = |name, count: fn(&Value) -> Option<f64>| {
        rows.add(name, Basis::Breaches, told_whole, |report| {
            Some(Figure { value: count(report)?, rests_on: 1.0 })
        });
    };
    add("broken promises", |report| number(report, "/broken"));
    add("calls over a known limit", |report| number(report, "/provider/refused_by_limits"));
    add("calls that waited for a model", |report| number(report, "/withheld/waited"));
    add("turns later than at their share alone", |report| {
        // Where calls were not heard of, nothing was compared, and the zero says nothing.
        let all_seen = number(report, "/shared/unseen")? <= 0.0;
        number(report, "/shared/later").filter(|_| all_seen)
    });
}

fn times(rows: &mut Rows) {
    let calls = Basis::Samples("calls");
    for (name, path) in [
        ("append, 99% within, during a pass", "/latency/append_made/during_pass"),
        ("append, 99% within, otherwise", "/latency/append_made/without_pass"),
        ("context, 99% within, during a pass", "/latency/context_made/during_pass"),
        ("context, 99% within, otherwise", "/latency/context_made/without_pass"),
        ("next context, 99% within, during a pass", "/latency/next_context_made/during_pass"),
        ("next context, 99% within, otherwise", "/latency/next_context_made/without_pass"),
        ("permit of a turn, 99% within", "/latency/turn_permit"),
    ] {
        rows.add(name, calls, told_micros, |report| quantile(report, path, "p99_us"));
    }
    rows.add("with passes against without", calls, told_hundredths, |report| {
        let [passes, no_passes] =
            ["passes", "no_passes"].map(|arm| number(report, &format!("/arms/both/{arm}/calls")));
        measured(number(report, "/arms/both/p99_ratio")?, passes?.min(no_passes?))
    });
    let passes = Basis::Samples("passes");
    rows.add("splice, 99% within", passes, told_micros, |report| {
        quantile(report, "/latency/splice", "p99_us")
    });
    rows.add("pass, half within", passes, told_micros, |report| {
        quantile(report, "/latency/pass", "p50_us")
    });
}

fn work(rows: &mut Rows) {
    let (steps, entries) = (Basis::Samples("steps"), Basis::Samples("entries"));
    rows.add("steps each second", steps, told_whole, |report| {
        let (steps, ms) = (number(report, "/counts/steps")?, number(report, "/elapsed_ms")?);
        measured(steps * 1e3 / ms, steps)
    });
    rows.last().more_is_better = true;
    rows.add("slots in use while somebody waits", Basis::Waiting, told_share, |report| {
        let share = number(report, "/provider/utilisation_while_waiting")?;
        measured(share, number(report, "/provider/waiting_us")?)
    });
    rows.last().more_is_better = true;
    rows.add("memory of the process at most", steps, told_bytes, |report| {
        measured(number(report, "/memory/process_peak_bytes")?, number(report, "/counts/steps")?)
    });
    rows.add("store growth, for each entry", entries, told_bytes, |report| {
        let grew = number(report, "/store/after_bytes")? - number(report, "/store/before_bytes")?;
        each(grew, number(report, "/counts/entries")?)
    });
    rows.last().worse_beyond = FILE_WORSE_BEYOND;
    rows.add("written to the store, for each entry", entries, told_bytes, |report| {
        let records = number(report, "/store/encoded_bytes")?;
        let payloads = number(report, "/store/payload_bytes")?;
        each(records + payloads, number(report, "/counts/entries")?)
    });
    rows.add("syncs, for a hundred entries", entries, told_whole, |report| {
        each(number(report, "/store/syncs")? * 100.0, number(report, "/counts/entries")?)
    });
    for (name, path) in [
        ("processor, for each step", "/cpu_us"),
        ("processor, house, for each step", "/house_cpu_us"),
    ] {
        rows.add(name, steps, told_micros, |report| {
            each(number(report, path)?, number(report, "/counts/steps")?)
        });
    }
}

impl Rows<'_> {
    fn add(
        &mut self,
        name: &'static str,
        basis: Basis,
        told: Told,
        figure: impl Fn(&Value) -> Option<Figure>,
    ) {
        self.found.push(Row {
            name,
            before: figure(self.before),
            after: figure(self.after),
            basis,
            told,
            more_is_better: false,
            worse_beyond: WORSE_BEYOND,
        });
    }

    /// What was added last.
    fn last(&mut self) -> &mut Row {
        self.found.last_mut().expect("a figure was added")
    }
}

/// A quantile of what was measured at all.
fn quantile(report: &Value, path: &str, quantile: &str) -> Option<Figure> {
    let count = number(report, &format!("{path}/count"))?;
    measured(number(report, &format!("{path}/{quantile}"))?, count)
}

/// So much for each of so many.
fn each(sum: f64, count: f64) -> Option<Figure> {
    measured(sum / count, count)
}

/// A figure that rests on something.
fn measured(value: f64, rests_on: f64) -> Option<Figure> {
    (rests_on > 0.0 && value.is_finite()).then_some(Figure { value, rests_on })
}

fn number(report: &Value, path: &str) -> Option<f64> {
    report.pointer(path).and_then(Value::as_f64)
}

fn told_whole(number: f64) -> String {
    thousands(whole(number))
}

fn told_micros(us: f64) -> String {
    micros(whole(us))
}

fn told_bytes(count: f64) -> String {
    bytes(whole(count))
}

fn told_hundredths(ratio: f64) -> String {
    format!("{ratio:.2}")
}

fn told_share(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
