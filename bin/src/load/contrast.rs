//! `highwater load --compare A.json B.json`: two runs of one scenario side by side, and what became worse.

use std::path::Path;

use highwater_protocol::{Error, Kind};
use serde_json::Value;

use crate::exit::Exit;
use crate::output::print;
use crate::report::words::{DASH, bytes, micros, thousands};

/// What is this much larger became worse; less than that is the mood of the machine.
const WORSE_BEYOND: f64 = 1.25;

/// How a figure is written.
type Told = fn(f64) -> String;

/// A figure of both reports.
#[derive(Debug)]
struct Row {
    name: &'static str,
    before: Option<f64>,
    after: Option<f64>,
    told: Told,
    /// Whether more of it is better.
    more_is_better: bool,
}

/// Compares two reports; fails when something became worse.
pub(super) fn run(files: &[std::path::PathBuf]) -> anyhow::Result<Exit> {
    let [before, after] = files else {
        return Err(Error::new(Kind::Invalid, "two reports are compared").into());
    };
    let (before, after) = (read(before)?, read(after)?);
    if before["scenario"] != after["scenario"] {
        let why = "the reports are of different scenarios, or of other numbers of agents or turns";
        return Err(Error::new(Kind::Invalid, why).into());
    }
    let rows = rows(&before, &after);
    let worse = rows.iter().filter(|row| row.is_worse()).count();
    let mut lines = vec![format!("  {:<40}{:>12}{:>12}{:>10}", "", "before", "after", "change")];
    lines.extend(rows.iter().map(Row::line));
    lines.push(match worse {
        0 => "Nothing became worse.".to_owned(),
        1 => "1 figure became worse.".to_owned(),
        _ => format!("{worse} figures became worse."),
    });
    print(&lines.join("\n"))?;
    Ok(if worse == 0 { Exit::Fine } else { Exit::Failed })
}

fn read(file: &Path) -> anyhow::Result<Value> {
    let unusable = |why: &dyn std::fmt::Display| {
        Error::new(Kind::Invalid, format!("{}: {why}", file.display()))
    };
    let text = std::fs::read_to_string(file).map_err(|error| unusable(&error))?;
    let report: Value = serde_json::from_str(&text).map_err(|error| unusable(&error))?;
    let is_report = report["scenario"].is_object() && report["latency"].is_object();
    if is_report { Ok(report) } else { Err(unusable(&"is no report of a load test").into()) }
}

fn rows(before: &Value, after: &Value) -> Vec<Row> {
    let whole: Told = |number| thousands(super::distribution::whole(number));
    let time: Told = |us| micros(super::distribution::whole(us));
    let size: Told = |count| bytes(super::distribution::whole(count));
    let hundredths: Told = |ratio| format!("{ratio:.2}");
    let share: Told = |share| format!("{:.1} %", share * 100.0);
    let mut rows = Vec::new();
    let mut add = |name, told, more_is_better, figure: &dyn Fn(&Value) -> Option<f64>| {
        rows.push(Row { name, before: figure(before), after: figure(after), told, more_is_better });
    };
    add("broken promises", whole, false, &|report| number(report, "/broken"));
    add("calls over a known limit", whole, false, &|report| {
        number(report, "/provider/refused_by_limits")
    });
    for (name, path) in [
        ("append, 99% within, during a pass", "/latency/append_made/during_pass"),
        ("append, 99% within, otherwise", "/latency/append_made/without_pass"),
        ("context, 99% within, during a pass", "/latency/context_made/during_pass"),
        ("context, 99% within, otherwise", "/latency/context_made/without_pass"),
        ("next context, 99% within, during a pass", "/latency/next_context_made/during_pass"),
        ("next context, 99% within, otherwise", "/latency/next_context_made/without_pass"),
        ("permit of a turn, 99% within", "/latency/turn_permit"),
    ] {
        add(name, time, false, &|report| number(report, &format!("{path}/p99_us")));
    }
    add("with passes against without", hundredths, false, &|report| {
        number(report, "/arms/both/p99_ratio")
    });
    add("splice, 99% within", time, false, &|report| number(report, "/latency/splice/p99_us"));
    add("pass, half within", time, false, &|report| number(report, "/latency/pass/p50_us"));
    add("steps each second", whole, true, &|report| {
        Some(number(report, "/counts/steps")? * 1e3 / number(report, "/elapsed_ms")?)
    });
    add("slots in use while somebody waits", share, true, &|report| {
        number(report, "/provider/utilisation_while_waiting")
    });
    add("memory of the process at most", size, false, &|report| {
        number(report, "/memory/process_peak_bytes")
    });
    for (name, told, path) in [
        ("store, for each entry", size, "/store/after_bytes"),
        ("syncs, for a hundred entries", whole, "/store/syncs"),
    ] {
        let times = if path.ends_with("syncs") { 100.0 } else { 1.0 };
        add(name, told, false, &|report| {
            Some(number(report, path)? * times / number(report, "/counts/entries")?)
        });
    }
    add("processor, for each step", time, false, &|report| {
        Some(number(report, "/cpu_us")? / number(report, "/counts/steps")?)
    });
    add("processor, house, for each step", time, false, &|report| {
        Some(number(report, "/house_cpu_us")? / number(report, "/counts/steps")?)
    });
    rows
}

fn number(report: &Value, path: &str) -> Option<f64> {
    report.pointer(path).and_then(Value::as_f64)
}

impl Row {
    /// How many times as much it is now, of what was something before.
    fn ratio(&self) -> Option<f64> {
        let (before, after) = (self.before?, self.after?);
        (before > 0.0).then(|| after / before)
    }

    fn is_worse(&self) -> bool {
        match self.ratio() {
            Some(ratio) if self.more_is_better => ratio * WORSE_BEYOND < 1.0,
            Some(ratio) => ratio > WORSE_BEYOND,
            None => !self.more_is_better && self.before == Some(0.0) && self.after > Some(0.0),
        }
    }

    fn line(&self) -> String {
        let told = |figure: Option<f64>| figure.map_or(DASH.to_owned(), self.told);
        let change = self
            .ratio()
            .map_or(DASH.to_owned(), |ratio| format!("{:+.0} %", (ratio - 1.0) * 100.0));
        let worse = if self.is_worse() { "  worse" } else { "" };
        format!(
            "  {:<40}{:>12}{:>12}{change:>10}{worse}",
            self.name,
            told(self.before),
            told(self.after)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(before: f64, after: f64, more_is_better: bool) -> Row {
        let told: Told = |number| format!("{number}");
        Row { name: "x", before: Some(before), after: Some(after), told, more_is_better }
    }

    #[test]
    fn what_is_a_quarter_larger_became_worse_unless_more_is_better() {
        for (before, after, more_is_better, worse) in [
            (100.0, 120.0, false, false),
            (100.0, 130.0, false, true),
            (100.0, 50.0, false, false),
            (100.0, 85.0, true, false),
            (100.0, 70.0, true, true),
            (0.0, 0.0, false, false),
            (0.0, 1.0, false, true),
            (0.0, 1.0, true, false),
        ] {
            let row = row(before, after, more_is_better);
            assert_eq!(row.is_worse(), worse, "{}", row.line());
        }
        let missing = Row { after: None, ..row(1.0, 1.0, false) };
        assert!(!missing.is_worse() && missing.line().ends_with(DASH));
    }
}
