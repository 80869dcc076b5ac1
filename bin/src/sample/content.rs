//! What tools print in the story: source listings, schemas, data, import logs and test runs.

use super::cast::{PARTS, PIERS, Part, VESSELS};
use super::dice::Dice;

/// The class of a part's rows: `Pier`.
pub(super) fn class(part: &Part) -> String {
    let (first, rest) = part.one.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

/// The module that reads and writes the part's flat file.
pub(super) fn store(part: &Part) -> String {
    let class = class(part);
    let (name, one, file) = (part.name, part.one, part.file);
    let mut text = vec![format!(
        "\"\"\"Reads and writes {name} in {file}.\"\"\"\n\nfrom dataclasses import dataclass, replace\n\
         from pathlib import Path\n\nfrom harbour.clock import now\nfrom harbour.files import atomic_write, \
         rows_of\n\n\n@dataclass(frozen=True)\nclass {class}:\n"
    )];
    for field in part.fields {
        text.push(format!("    {field}: {}\n", kind(field).0));
    }
    text.push(format!(
        "\n\nclass {class}Store:\n    def __init__(self, root: Path):\n        self.path = root / \"{file}\"\n\
         \x20       self._cache: dict[str, {class}] | None = None\n\n    def all(self) -> list[{class}]:\n\
         \x20       if self._cache is None:\n            {}\n                self._cache = self._parse(source)\n\
         \x20       return list(self._cache.values())\n\n    def get(self, {one}_id: str) -> {class} | None:\n\
         \x20       return self._by_id().get({one}_id)\n",
        part.before.replace('\n', "\n            ")
    ));
    for field in &part.fields[1..] {
        text.push(format!(
            "\n    def by_{field}(self, {field}) -> list[{class}]:\n        found = [{one} for {one} in \
             self.all() if {one}.{field} == {field}]\n        return sorted(found, key=lambda {one}: \
             {one}.{first})\n\n    def set_{field}(self, {one}_id: str, {field}) -> {class}:\n\
             \x20       changed = replace(self._by_id()[{one}_id], {field}={field})\n\
             \x20       self._write(changed, at=now())\n        return changed\n",
            first = part.fields[0]
        ));
    }
    text.concat()
}

/// A column's type in Python and in SQL.
fn kind(field: &str) -> (&'static str, &'static str) {
    match field {
        _ if field.ends_with("_id") => ("str", "text NOT NULL"),
        _ if field.ends_with("_at") => ("datetime", "timestamptz"),
        "lat" | "lon" => ("float", "double precision NOT NULL"),
        "valid_from" | "valid_until" | "retired_on" => ("date | None", "date"),
        "name" | "code" | "note" | "text" | "island" | "class" | "severity" | "season"
        | "currency" | "from_pier" | "to_pier" => ("str", "text NOT NULL"),
        _ => ("int", "integer NOT NULL CHECK (0 <= VALUE)"),
    }
}

/// The migration that creates the part's table.
pub(super) fn schema(part: &Part) -> String {
    let columns: Vec<String> = part
        .fields
        .iter()
        .map(|field| {
            let sql = kind(field).1.replace("VALUE", field);
            format!("    {field:<14} {sql}")
        })
        .collect();
    format!(
        "-- {name}: {decision}.\nBEGIN;\n\nCREATE TABLE {name} (\n{columns},\n    \
         imported_from  text NOT NULL,\n    PRIMARY KEY ({key})\n);\n\nCREATE INDEX {name}_by_second \
         ON {name} ({second});\n\nINSERT INTO schema_version (part, version) VALUES ('{name}', 1);\n\nCOMMIT;\n",
        name = part.name,
        decision = part.decision,
        columns = columns.join(",\n"),
        key = part.fields[0],
        second = part.fields[1],
    )
}

/// A few lines of the part's data.
pub(super) fn rows(dice: &mut Dice, part: &Part, count: u64) -> String {
    let lines: Vec<String> = (0..count)
        .map(|_| {
            let cells: Vec<String> = part.fields.iter().map(|field| cell(dice, field)).collect();
            cells.join(",")
        })
        .collect();
    format!("{}\n{}", part.fields.join(","), lines.join("\n"))
}

fn cell(dice: &mut Dice, field: &str) -> String {
    match field {
        "name" | "note" | "text" => (*dice.pick(VESSELS)).to_owned(),
        "island" | "from_pier" | "to_pier" => (*dice.pick(PIERS)).to_owned(),
        "currency" => "NOK".to_owned(),
        "class" => (*dice.pick(&["adult", "child", "car", "bicycle"])).to_owned(),
        "severity" => (*dice.pick(&["info", "delay", "cancelled"])).to_owned(),
        "season" => (*dice.pick(&["all", "summer", "winter"])).to_owned(),
        "weekdays" => (*dice.pick(&["1111100", "0000011", "1111111"])).to_owned(),
        "lat" => format!("62.{:05}", dice.within(0, 99_999)),
        "lon" => format!("6.{:05}", dice.within(0, 99_999)),
        "built" => dice.within(1968, 2026).to_string(),
        "berths" | "seats" => dice.within(1, 7).to_string(),
        "cars" => dice.within(0, 120).to_string(),
        "minutes" | "passengers" => dice.within(12, 380).to_string(),
        _ if field.ends_with("_at") => instant(dice),
        _ if field.starts_with("valid") || field.ends_with("_on") => day(dice),
        _ => dice.within(10, 99_999).to_string(),
    }
}

fn day(dice: &mut Dice) -> String {
    let (month, day) = (dice.within(1, 13), dice.within(1, 29));
    format!("202{}-{month:02}-{day:02}", dice.within(4, 7))
}

fn instant(dice: &mut Dice) -> String {
    let day = day(dice);
    let (hour, minute) = (dice.within(4, 24), dice.within(0, 12) * 5);
    format!("{day}T{hour:02}:{minute:02}:00Z")
}

/// The log of an import, one line per batch, with the odd remark in between.
pub(super) fn import_log(dice: &mut Dice, part: &Part, lines: u64) -> String {
    let mut log = vec![format!(
        "harbour.import INFO reading {} into {} on localhost:5433/harbour_copy",
        part.file, part.name
    )];
    let mut done = 0;
    let mut ms = 40;
    for batch in 1..=lines {
        let rows = (part.rows * batch / lines) - done;
        done += rows;
        ms += dice.within(3, 60);
        let pier = dice.pick(PIERS);
        log.push(match dice.within(0, 9) {
            0 => format!("{ms:>7} ms WARN  {} {}: blank after the name of {pier}, trimmed", part.one, dice.within(100, 99_999)),
            1 => format!("{ms:>7} ms DEBUG pool: connection {} reused after {} ms", dice.within(1, 9), dice.within(1, 40)),
            2 => format!("{ms:>7} ms INFO  vessel {} seen at {pier} {}", dice.pick(VESSELS), instant(dice)),
            _ => format!("{ms:>7} ms INFO  batch {batch:>4}: {rows:>5} rows, {done:>6} of {} in {}, checksum {:016x}", part.rows, part.name, dice.next()),
        });
    }
    log.push(format!("harbour.import INFO done: {done} rows, 0 rejected, {ms} ms"));
    log.join("\n")
}

/// A run of the part's own tests; the named one fails if `failing`.
pub(super) fn test_run(dice: &mut Dice, part: &Part, failing: bool) -> String {
    let mut log = vec![format!(
        "$ pytest tests/test_{}.py -q\n============ test session starts ============",
        part.name
    )];
    for field in part.fields {
        for case in ["reads", "writes"] {
            let ms = dice.within(2, 90);
            log.push(format!("tests/test_{}.py::test_{field}_{case} PASSED [{ms} ms]", part.name));
        }
    }
    let verdict = if failing { "FAILED" } else { "PASSED" };
    log.push(format!("tests/test_{}.py::{} {verdict}", part.name, part.test));
    if failing {
        log.push(traceback(dice, part));
    }
    let passed = part.fields.len() * 2 + usize::from(!failing);
    let failed = usize::from(failing);
    let seconds = dice.within(1, 9);
    log.push(format!(
        "==== {failed} failed, {passed} passed in {seconds}.{:02}s ====",
        dice.within(0, 99)
    ));
    log.join("\n")
}

fn traceback(dice: &mut Dice, part: &Part) -> String {
    let line = dice.within(40, 180);
    format!(
        "\n================ FAILURES ================\n____ {test} ____\n\n    def {test}(copy):\n        \
         importer = Importer(copy, part=\"{name}\")\n        importer.run(FIXTURES / \"{file}\")\n>       \
         check_{one}(copy, expected=printed_timetable())\nE       {failure}\n\ntests/test_{name}.py:{line}: \
         AssertionError\n---- captured log ----\n{log}",
        test = part.test,
        name = part.name,
        file = part.file,
        one = part.one,
        failure = part.failure,
        log = import_log(dice, part, 8),
    )
}

/// A run of every test, one line per file.
pub(super) fn full_run(dice: &mut Dice, migrated: usize) -> String {
    let mut log = Vec::new();
    let mut total = 0;
    for (at, part) in PARTS.iter().enumerate() {
        let backend = if at < migrated { "database" } else { "files" };
        for suite in ["store", "import", "api", "timetable"] {
            let count = dice.within(6, 48);
            total += count;
            log.push(format!(
                "tests/{suite}/test_{}.py [{backend}] {} {count} passed",
                part.name,
                ".".repeat(usize::try_from(count).unwrap_or(0))
            ));
        }
    }
    log.push(format!("==== {total} passed, 0 failed in {}.4s ====", dice.within(18, 60)));
    log.join("\n")
}

/// Where the part's store is used.
pub(super) fn callers(dice: &mut Dice, part: &Part) -> Vec<String> {
    let class = class(part);
    ["api/timetable.py", "api/search.py", "jobs/nightly.py", "print/poster.py", "cli/show.py"]
        .iter()
        .flat_map(|file| {
            let field = *dice.pick(part.fields);
            let (line, next) = (dice.within(10, 90), dice.within(91, 300));
            [
                format!("harbour/{file}:{line}:from harbour.{} import {class}Store", part.name),
                format!("harbour/{file}:{next}:    found = {class}Store(root).by_{field}({field})"),
            ]
        })
        .collect()
}
