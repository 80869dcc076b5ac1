//! Replays that go well, and what they leave behind.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::world::{World, conversation};

#[test]
fn the_bundled_transcript_replays_with_passes_and_nothing_lost() {
    let world = World::new();
    let ran = world.run(&["replay", "--json", "--turn-ms", "2", "--summary-ms", "5"]);
    ran.fine(&[]);
    let report = ran.json();
    assert_eq!(report["lossless"]["ok"], true);
    assert_eq!(report["checks"]["breaches"], serde_json::json!([]));
    assert!(report["checks"]["contexts"].as_u64() > Some(100), "{}", report["checks"]);
    let outcomes: Vec<_> =
        report["passes"].as_array().expect("a list").iter().map(|pass| &pass["outcome"]).collect();
    assert!(
        !outcomes.is_empty() && outcomes.iter().all(|outcome| *outcome == "spliced"),
        "{outcomes:?}"
    );
    let moved = report["passes"].as_array().expect("a list").len();
    assert!(moved >= 1);
}

#[test]
fn every_format_replays_whole() {
    let world = World::new();
    let message = |role: &str, text: &str| format!(r#"{{"role":"{role}","content":"{text}"}}"#);
    let talk = [message("user", "hello"), message("assistant", "hi"), message("user", "bye")];
    let array = format!("[{}]\n", talk.join(", "));
    let wrapped = format!("{{\"model\":\"m\", \"messages\": {array}, \"info\": {{\"n\": 1.50}} }}");
    let anthropic = r#"[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"a","name":"ls","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"ok"}]}]"#;
    for (name, text, format) in [
        ("array.json", array.as_str(), "OpenAI chat messages"),
        ("-begins-with-a-dash.json", &array, "OpenAI chat messages"),
        ("run.traj.json", &wrapped, "OpenAI chat messages"),
        ("messages.json", anthropic, "Anthropic messages"),
        ("session.jsonl", &conversation(3, 9), "Claude Code session"),
    ] {
        let file = world.file(name, text);
        world.replay(&file, &[]).fine(&["lossless: yes", format]);
        for render in ["anthropic", "openai-chat"] {
            let ran = world.replay(&file, &["--render", render, "--json"]);
            ran.fine(&[]);
            assert_eq!(ran.json()["checks"]["breaches"], serde_json::json!([]), "{name} {render}");
        }
    }
}

#[test]
fn blocking_shows_the_stall_that_beside_does_not_have() {
    let world = World::new();
    let file = world.file("talk.jsonl", conversation(60, 150));
    let marks = ["--trigger", "4000", "--landing", "2000", "--hard", "8000", "--json"];
    let run = |more: &[&str]| {
        let mut words =
            vec!["replay", "talk.jsonl", "--quiet", "--turn-ms", "1", "--summary-ms", "120"];
        words.extend(marks);
        words.extend(more);
        let ran = world.run(&words);
        ran.fine(&[]);
        let turns = ran.json()["turns"].as_array().expect("a list").clone();
        let during = turns.iter().filter(|turn| turn["during_pass"] == true).count();
        let waited = turns.iter().filter_map(|turn| turn["waited_us"].as_u64()).max();
        (during, waited.expect("turns"))
    };
    assert!(file.exists());
    let (during, _) = run(&[]);
    assert!(during > 0, "beside, turns are served while a pass runs");
    let (during, waited) = run(&["--blocking"]);
    assert_eq!(during, 0, "inside, none is");
    assert!(waited >= 120_000, "it stands still for at least the one summary: {waited}");
}

#[test]
fn the_page_is_one_file_that_needs_no_other() {
    let world = World::new();
    let file = world.file("a <b> & c.jsonl", conversation(40, 200));
    let page = world.path("report.html");
    let page_name = page.to_str().expect("a plain name");
    world.replay(&file, &["--html", page_name, "--window", "6000"]).fine(&["lossless: yes"]);
    let html = std::fs::read_to_string(&page).expect("the page was written");
    assert!(
        html.contains("<svg") && html.contains("trigger") && html.contains("a &lt;b&gt; &amp; c")
    );
    for foreign in ["<script src", "<link", "url(http", "src=\"http"] {
        assert!(!html.contains(foreign), "{foreign} in a page that must stand alone");
    }
}

#[test]
fn colours_are_used_only_when_asked_for_or_on_a_terminal() {
    let world = World::new();
    let file = world.file("t.jsonl", conversation(2, 6));
    assert!(!world.replay(&file, &[]).out.contains('\u{1b}'));
    assert!(world.replay(&file, &["--color", "always"]).out.contains('\u{1b}'));
}

#[test]
fn either_signal_stops_cleanly_and_the_same_command_goes_on() {
    for signal in ["-INT", "-TERM"] {
        stops_by(signal);
    }
}

fn stops_by(signal: &str) {
    let world = World::new();
    world.file("t.jsonl", conversation(20, 6));
    let words = ["replay", "t.jsonl", "--store", "store", "--quiet", "--turn-ms", "600000"];
    let mut command = world.command(&words);
    command.env("RUST_LOG", "highwater=info").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut log = BufReader::new(child.stderr.take().expect("piped")).lines();
    let opened = log.by_ref().map_while(Result::ok).any(|line| line.contains("replay begins"));
    assert!(opened, "the replay has begun");
    let killed = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(killed.expect("kill is there").success());
    let rest: Vec<String> = log.map_while(Result::ok).collect();
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{rest:?}");
    let ran = world.replay(&world.path("t.jsonl"), &["--store", "store", "--json"]);
    ran.fine(&[]);
    assert_eq!(ran.json()["lossless"]["ok"], true);
}

#[test]
fn help_shows_examples_and_exit_codes() {
    let world = World::new();
    world.run(&["--help"]).fine(&["Exit codes", "replay", "verify"]);
    world.run(&["replay", "--help"]).fine(&["Examples", "--blocking", "--html"]);
    world.run(&["verify", "--help"]).fine(&["Example", "lossless"]);
}
