//! The story: an opening, one chapter per part of the service, scenes in between, and the end.

use serde_json::json;

use super::calls::{bash, create, edit, grep, read, todos};
use super::cast::{PARTS, Part};
use super::lines::Tape;
use super::{content, phrases, scenes};

/// Large logs are printed for the parts with many rows: lines of the import log by part.
const LOG_LINES: [u64; 8] = [24, 20, 24, 30, 300, 40, 270, 245];

pub(super) fn tell(tape: &mut Tape) {
    scenes::opening(tape);
    for (at, part) in PARTS.iter().enumerate() {
        ask(tape, at, part);
        study(tape, part);
        build(tape, at, part);
        repair(tape, part);
        settle(tape, at, part);
        match part.name {
            "vessels" => scenes::survey(tape),
            "calendars" => scenes::interruption(tape),
            "sailings" => scenes::outage(tape),
            "notices" => scenes::reminder(tape),
            _ => {}
        }
    }
    scenes::closing(tape);
}

fn ask(tape: &mut Tape, at: usize, part: &Part) {
    let name = part.name;
    let prompt = match at {
        0 => format!("Start with {name}, it is the smallest. Work on the copy only."),
        4 => format!(
            "Now {name}, the big one. Take your time, and remember: work against the copy, never against production."
        ),
        7 => format!("Last part: {name}. Same procedure. Be careful with concurrent requests."),
        _ if at.is_multiple_of(2) => {
            format!("Good. Go on with {name} please, same procedure as before.")
        }
        _ => format!("Looks fine to me. Next is {name}. Tell me what you decide on the way."),
    };
    tape.user(&prompt);
}

fn study(tape: &mut Tape, part: &Part) {
    let name = part.name;
    let thinking = format!(
        "{name} live in {}, about {} rows. Constraints so far: never touch the production bucket, work on the \
         copy, keep the interface of the store so that callers do not change, one commit per part. I should \
         look at the store, at its callers and at the tests before writing the table.",
        part.file, part.rows
    );
    let look = *tape.dice.pick(phrases::LOOK);
    let hits = content::callers(&mut tape.dice, part);
    let tests = content::test_run(&mut tape.dice, part, false);
    let class = content::class(part);
    tape.assistant(
        &thinking,
        look,
        vec![
            read(&format!("/home/mika/harbour/harbour/{name}.py"), &content::store(part)),
            grep(&format!("{class}Store"), &hits),
            bash(&format!("pytest tests/test_{name}.py -q"), "Run the tests as they are", tests),
        ],
    );
    let fields = part.fields.join(", ");
    let hits: Vec<String> = hits.into_iter().step_by(3).collect();
    tape.assistant(
        "",
        &format!(
            "Five places use it. The fields are {fields}; I check who depends on their order."
        ),
        vec![grep(&format!("{class}Store.*import|by_"), &hits)],
    );
    let data = *tape.dice.pick(phrases::DATA);
    let count = tape.dice.within(12, 30);
    let sample = content::rows(&mut tape.dice, part, count);
    let command = format!("python -m harbour.show --csv --limit {count} {name}");
    tape.assistant("", data, vec![bash(&command, "Look at the data", sample)]);
}

fn build(tape: &mut Tape, at: usize, part: &Part) {
    let name = part.name;
    let class = content::class(part);
    let schema = *tape.dice.pick(phrases::SCHEMA);
    let path = format!("/home/mika/harbour/migrations/{:03}_{name}.sql", at + 1);
    tape.assistant("", schema, vec![create(&path, &content::schema(part))]);
    let version = format!("applied {:03}_{name}.sql in {} ms", at + 1, tape.dice.within(8, 70));
    tape.assistant(
        "",
        "",
        vec![bash("make migrate DB=harbour_copy", "Apply the migration to the copy", version)],
    );
    let switch = *tape.dice.pick(phrases::SWITCH);
    let module = format!("/home/mika/harbour/harbour/{name}.py");
    tape.assistant(
        "",
        switch,
        vec![
            edit(
                &module,
                &format!("class {class}Store:\n    def __init__(self, root: Path):"),
                &format!("class {class}Store:\n    def __init__(self, database: Database):"),
            ),
            edit(
                "/home/mika/harbour/harbour/wiring.py",
                &format!("{name}={class}Store(root)"),
                &format!("{name}={class}Store(database)"),
            ),
        ],
    );
    let log = content::import_log(&mut tape.dice, part, LOG_LINES[at % LOG_LINES.len()]);
    let text =
        format!("The import into the copy, with its whole log, all {} rows of it.", part.rows);
    let command = format!("python -m harbour.import --part {name} --db harbour_copy --verbose");
    tape.pause(20, 120);
    tape.assistant("", &text, vec![bash(&command, "Import into the copy", log)]);
}

fn repair(tape: &mut Tape, part: &Part) {
    let name = part.name;
    let command = format!("pytest tests/test_{name}.py -q");
    let failure = content::test_run(&mut tape.dice, part, true);
    tape.assistant(
        "",
        "Now the tests against the database.",
        vec![bash(&command, "Run the tests", failure).failed()],
    );
    let thinking = format!(
        "{} fails with: {}. What differs between the file and the table? Probably {}. If so, the old code \
         was wrong as well and only looked right. The clean way: {}.",
        part.test, part.failure, part.cause, part.cure
    );
    let failed = *tape.dice.pick(phrases::FAILED);
    let hits = content::callers(&mut tape.dice, part);
    tape.assistant(
        &thinking,
        failed,
        vec![grep(&format!("{}Store", content::class(part)), &hits[..2])],
    );
    let path = format!("/home/mika/harbour/harbour/imports/{name}.py");
    let importer = content::store(part);
    let importer: Vec<&str> = importer.lines().take(34).collect();
    tape.assistant("", "", vec![read(&path, &importer.join("\n"))]);
    tape.assistant(
        "",
        &format!("Found it: {}. I will {}.", part.cause, part.cure),
        vec![edit(&path, part.before, part.after)],
    );
    let passing = content::test_run(&mut tape.dice, part, false);
    tape.assistant("", "", vec![bash(&command, "Run the tests again", passing)]);
}

fn settle(tape: &mut Tape, at: usize, part: &Part) {
    let name = part.name;
    let passed = *tape.dice.pick(phrases::PASSED);
    let all = content::full_run(&mut tape.dice, at + 1);
    tape.assistant("", passed, vec![bash("pytest -q", "Run all tests", all)]);
    let compare = *tape.dice.pick(phrases::COMPARE);
    let sum = format!("{:016x}", tape.dice.next());
    let result = format!(
        "{name}: files {rows} rows, checksum {sum}\n{name}: table {rows} rows, checksum {sum}\nidentical",
        rows = part.rows
    );
    let command = format!("python -m harbour.compare {name} data/copy harbour_copy");
    tape.assistant("", compare, vec![bash(&command, "Compare old and new", result)]);
    let hash = format!("{:07x}", tape.dice.within(0, 0x0fff_ffff));
    let commit = format!(
        "[storage {hash}] Move {name} to the database\n 5 files changed, {} insertions(+), {} deletions(-)",
        tape.dice.within(90, 320),
        tape.dice.within(20, 140)
    );
    let items: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
    tape.assistant(
        &format!("Decision to remember: {}. It belongs in the commit message too.", part.decision),
        "",
        vec![
            bash(&format!("git commit -am \"Move {name} to the database\""), "Commit", commit),
            todos(&items, at + 1),
        ],
    );
    let text = format!(
        "**{}** are in the database ({} rows, identical to the files).\n\n- The failing test was real: {}.\n\
         - Cure: {}.\n- Decision: {}.\n\nThe production bucket was not touched.",
        name, part.rows, part.cause, part.cure, part.decision
    );
    tape.assistant("", &text, Vec::new());
    let messages = tape.dice.within(20, 60);
    let duration = tape.dice.within(90_000, 600_000);
    tape.system("turn_duration", json!({"durationMs": duration, "messageCount": messages}));
}
