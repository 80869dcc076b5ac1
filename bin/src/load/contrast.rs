//! `highwater load --compare A.json B.json`: two runs of one scenario side by side, and what became worse.

mod figures;
mod row;
mod scenarios;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use highwater_protocol::{Error, Kind};
use serde_json::Value;

use crate::exit::Exit;
use crate::output::print;
use crate::report::words::{counted, plain, size};
use row::Row;

/// Compares two reports; fails when something became worse.
pub(super) fn run(files: &[PathBuf]) -> anyhow::Result<Exit> {
    let [before_file, after_file] = files else {
        return Err(Error::new(Kind::Invalid, "two reports are compared").into());
    };
    let (before, after) = (read(before_file)?, read(after_file)?);
    scenarios::same(&before["scenario"], &after["scenario"])?;
    let mut lines = notes((before_file, &before), (after_file, &after));
    let rows = figures::rows(&before, &after);
    lines.push(format!("  {:<40}{:>12}{:>12}{:>10}", "", "before", "after", "change"));
    lines.extend(rows.iter().map(Row::line));
    let worse = rows.iter().filter(|row| row.is_worse()).count();
    lines.extend(outcome(worse, rows.iter().filter(|row| row.rests_on_little()).count()));
    print(&lines.join("\n"))?;
    Ok(if worse == 0 { Exit::Fine } else { Exit::Failed })
}

fn read(file: &Path) -> anyhow::Result<Value> {
    let unusable = |why: &dyn std::fmt::Display| {
        Error::new(Kind::Invalid, format!("{}: {why}", file.display()))
    };
    let text = std::fs::read_to_string(file).map_err(|error| unusable(&error))?;
    let report: Value = serde_json::from_str(&text).map_err(|error| unusable(&error))?;
    if is_report(&report) {
        Ok(report)
    } else {
        Err(unusable(&"is no report of a load test").into())
    }
}

/// Whether it says what was played, and holds any of the figures.
fn is_report(report: &Value) -> bool {
    let has_sections = report["scenario"].is_object() && report["latency"].is_object();
    has_sections && figures::rows(report, report).iter().any(Row::is_measured)
}

/// What makes two runs of one scenario less alike than they look.
fn notes(
    (before_file, before): (&Path, &Value),
    (after_file, after): (&Path, &Value),
) -> Vec<String> {
    let mut notes = Vec::new();
    if before["seed"] != after["seed"] {
        let (before, after) =
            (plain(&before["seed"].to_string()), plain(&after["seed"].to_string()));
        notes.push(format!(
            "note: the seeds are {before} and {after}: texts, sizes and times were drawn anew"
        ));
    }
    let is_told = before["behaviour"].is_string() && after["behaviour"].is_string();
    if is_told && before["behaviour"] != after["behaviour"] {
        notes.push("note: agents' doings were drawn from other numbers (--behaviour)".to_owned());
    }
    for (file, report) in [(before_file, before), (after_file, after)] {
        if report["interrupted"] == true {
            let file = plain(&file.display().to_string());
            notes
                .push(format!("note: {file} is of a run that was interrupted: it tells of a part"));
        }
    }
    notes
}

/// How many figures became worse, and how many could not have.
fn outcome(worse: usize, on_little: usize) -> Vec<String> {
    let mut lines = vec![match worse {
        0 => "Nothing became worse.".to_owned(),
        _ => format!("{} became worse.", counted(size(worse), "figure")),
    }];
    if on_little > 0 {
        lines.push(format!(
            "{} on fewer than 1,000 calls, passes, steps or entries, or on less than 1 s of waiting: not counted.",
            if on_little == 1 { "1 figure rests".to_owned() } else { format!("{on_little} figures rest") }
        ));
    }
    lines
}
