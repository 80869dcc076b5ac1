//! Scenes between the chapters: the opening, a sub-task, an interruption, an outage, the end.

use serde_json::json;

use super::calls::{bash, create, grep, read, task, todos};
use super::cast::{PARTS, Part};
use super::content;
use super::lines::Tape;

/// A call id that a later call uses once more, as real models do now and then.
const REUSED: &str = "toolu_01HarbourPilotBoat7Kd3Qx";

/// The user's request, the standing rules, and the plan.
pub(super) fn opening(tape: &mut Tape) {
    tape.summary("Timetable poster prints the wrong pier names");
    tape.user(
        "We are moving the storage of harbour, our ferry timetable service, from flat files to PostgreSQL. \
         Rules that hold for the whole session: never touch the production bucket, work on data/copy only. \
         One commit per part. The interface of each store stays as it is. If a test fails, I want the cause, \
         not a retry. Have a look around first and propose an order.",
    );
    let tree: Vec<String> = PARTS
        .iter()
        .map(|part| {
            format!(
                "harbour/{}.py\ntests/test_{}.py\ndata/copy/{}",
                part.name, part.name, part.file
            )
        })
        .collect();
    let notes = "# harbour\n\nTimetables, fares and notices of 138 routes between 214 piers.\n\n- `data/` is a \
                 mirror of the bucket; `data/copy` is yours.\n- Times in files are local. Nobody wrote down which zone.\n";
    let status = "On branch storage\nnothing to commit, working tree clean".to_owned();
    tape.assistant(
        "The user wants a migration with strict rules. I note them: never touch the production bucket; work on \
         data/copy only; one commit per part; interfaces stay; find causes. First an overview.",
        "I will look around before proposing an order.",
        vec![
            bash("git ls-files | sort", "List the files", tree.join("\n")).with_id(REUSED),
            read("/home/mika/harbour/README.md", notes),
            bash("git status", "See the state of the tree", status),
        ],
    );
    let mut sources = Vec::new();
    for part in &PARTS[..5] {
        let path = format!("/home/mika/harbour/harbour/{}.py", part.name);
        let head: Vec<String> = content::store(part).lines().take(22).map(str::to_owned).collect();
        sources.push(read(&path, &head.join("\n")));
    }
    tape.assistant("", "The stores look alike. I read the heads of five of them at once.", sources);
    let names: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
    tape.assistant("", "", vec![todos(&names, 0)]);
    tape.assistant(
        "",
        &format!(
            "Proposed order, from what others depend on to what depends on others: {}. Each part: table, import, \
             tests against both stores, comparison, commit.",
            names.join(", ")
        ),
        Vec::new(),
    );
}

/// A sub-agent looks for everything that depends on local time.
pub(super) fn survey(tape: &mut Tape) {
    tape.user("Before you go on: find every place that assumes local time. Use a sub-agent, it is a lot of reading.");
    let steps = [
        "Searching for datetime.now without a zone: 14 places in 6 files.",
        "harbour/print/poster.py formats with the zone of the machine that prints.",
        "harbour/jobs/nightly.py runs at 03:00 local time, an hour that does not exist once a year.",
        "harbour/api/search.py compares a naive time from the query with a naive time from the file.",
        "The importer never sets a zone. The fixtures assume Europe/Oslo.",
    ];
    let answer = "14 places assume local time. Three matter: search.py compares naive times, nightly.py runs in an \
                  hour that is skipped in March, poster.py prints in the zone of the machine. The other eleven only \
                  log. Recommendation: store UTC, keep the pier's zone beside it, convert at the edge.";
    tape.assistant(
        "This is a lot of reading that I do not need in front of me. A sub-agent can return the conclusion.",
        "I send a sub-agent through the code.",
        vec![task(
            "Find local time",
            "List every place in harbour/ that assumes local time, and say which of them matter.",
            &steps,
            answer,
        )],
    );
    tape.assistant(
        "",
        "Three of the fourteen places matter. **We keep UTC everywhere**; a local time exists only at the edge, next \
         to the zone of its pier. I will fix search.py and nightly.py together with the sailings.",
        Vec::new(),
    );
    tape.system("away_summary", json!({"content": "Moving harbour to the database; piers and vessels are done, UTC was decided."}));
}

/// The user stops a command, so that its call is never answered.
pub(super) fn interruption(tape: &mut Tape) {
    tape.user("Can you estimate how long the sailings import will take?");
    let command = "python -m harbour.import --part sailings --db harbour_copy --all-years";
    tape.assistant(
        "",
        "I time a full import on the copy.",
        vec![bash(command, "Import all years", String::new()).unanswered()],
    );
    tape.interrupted();
    tape.user(
        "Stop, not all years! The copy is on the small disk. One month is enough for an estimate.",
    );
    let log = content::import_log(&mut tape.dice, sailings(), 160);
    tape.assistant(
        "I was told to stop. One month only; scale from there. Note: the copy is on a small disk, so no import of all years at once.",
        "You are right, sorry. One month only.",
        vec![bash(&command.replace("--all-years", "--month 2026-02"), "Import one month", log)],
    );
    tape.assistant(
        "",
        "One month takes about 9 seconds, so two years in monthly batches are below four minutes. I will import month by \
         month from now on, because the copy is on the small disk.",
        Vec::new(),
    );
}

/// The database goes away in the middle, and the pool does not notice.
pub(super) fn outage(tape: &mut Tape) {
    tape.user(
        "The nightly job failed on staging after your last commit. Log is in logs/nightly.log.",
    );
    let mut log = content::import_log(&mut tape.dice, sailings(), 240);
    log.push_str("\nERROR psycopg.OperationalError: server closed the connection unexpectedly\nERROR job nightly gave up after 1 attempt");
    tape.assistant(
        "",
        "Let me read the log first.",
        vec![read("/home/mika/harbour/logs/nightly.log", &log)],
    );
    let hits = content::callers(&mut tape.dice, sailings());
    let refused =
        "psql: error: connection to server at \"localhost\", port 5433 failed: Connection refused"
            .to_owned();
    tape.assistant(
        "The connection was closed by the server: a restart at 03:00, when the job runs. The pool hands out dead \
         connections. Check whether the copy is up as well.",
        "The server restarted at 03:00 and the pool kept its dead connections.",
        vec![
            bash("psql -p 5433 harbour_copy -c 'select 1'", "Is the copy up?", refused).failed(),
            grep("ConnectionPool\\(", &hits[..4]),
        ],
    );
    tape.assistant(
        "",
        "",
        vec![bash(
            "make copy-up",
            "Start the copy again",
            "harbour_copy is up on port 5433".to_owned(),
        )],
    );
    let pool = "\"\"\"Connections that are checked before they are handed out.\"\"\"\n\n\ndef open_pool(url):\n    \
                return ConnectionPool(url, check=ConnectionPool.check_connection, max_lifetime=1800)\n";
    tape.assistant(
        "",
        "Connections are checked before use now, and retired after half an hour.",
        vec![create("/home/mika/harbour/harbour/pool.py", pool)],
    );
    let run = content::full_run(&mut tape.dice, 5);
    tape.assistant(
        "",
        "",
        vec![bash("pytest -q && make nightly DB=harbour_copy", "Tests and the nightly job", run)],
    );
    tape.assistant("", "Fixed: the pool checks connections, and the nightly job passed on the copy. It now runs at 02:15 UTC, an hour that always exists.", Vec::new());
}

/// The user repeats a rule, and a call id appears for the second time.
pub(super) fn reminder(tape: &mut Tape) {
    tape.user("Somebody else's script wrote to the production bucket last night. It was not you, was it? Please check your commands.");
    let history = "no command of this session names the bucket s3://harbour-production".to_owned();
    tape.assistant(
        "The rule from the beginning: never touch the production bucket. I can verify from the shell history.",
        "It should not have been me; I check.",
        vec![bash("grep -c harbour-production ~/.session_history || true", "Search my own commands", history).with_id(REUSED)],
    );
    tape.assistant("", "It was not this session: none of its commands names the bucket. Everything ran against data/copy and harbour_copy.", Vec::new());
}

/// The last run, and what is left to a person.
pub(super) fn closing(tape: &mut Tape) {
    tape.user("All parts are in. Run everything once more and write up what we decided.");
    let run = content::full_run(&mut tape.dice, PARTS.len());
    let log = "8 commits ahead of main, working tree clean".to_owned();
    tape.assistant(
        "",
        "A last full run, and the state of the branch.",
        vec![
            bash("pytest -q", "Run all tests", run),
            bash("git status -sb", "State of the branch", log),
        ],
    );
    let decisions: Vec<String> =
        PARTS.iter().map(|part| format!("- {}: {}", part.name, part.decision)).collect();
    let document =
        format!("# Storage\n\nDecisions of the migration.\n\n{}\n", decisions.join("\n"));
    tape.assistant("", "", vec![create("/home/mika/harbour/docs/storage.md", &document)]);
    tape.assistant(
        "",
        &format!("All eight parts are in the database, every test passes, and old and new print the same timetable.\n\n{}\n\n\
                  Left to you: the switch in production. I did not touch the production bucket.", decisions.join("\n")),
        Vec::new(),
    );
    tape.user("Thank you. God tur!");
    tape.assistant("", "Thank you, and a calm crossing.", Vec::new());
}

fn sailings() -> &'static Part {
    PARTS.iter().find(|part| part.name == "sailings").expect("the story has sailings")
}
