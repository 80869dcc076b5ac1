//! Load tests through the real program: small ones, whose outcome does not depend on how fast the machine is.

use std::process::{Command, Stdio};

#[cfg(target_os = "linux")]
use crate::children::{child_of, has_ended, kill, until};
use crate::world::{Ran, World, conversation};

#[test]
fn smoke_loses_nothing_splices_passes_and_stays_within_the_limits() {
    let world = World::new();
    let mut words = vec!["load", "--scenario", "smoke", "--seed", "3", "--quiet"];
    words.extend(["--json", "r.json", "--html", "r.html"]);
    let ran = world.run(&words);
    ran.fine(&["Nothing was lost, doubled or reordered", "breaches", "append, during a pass"]);
    let report = std::fs::read_to_string(world.path("r.json")).expect("it was written");
    let report: serde_json::Value = serde_json::from_str(&report).expect("it is JSON");
    let number = |path: &str| report.pointer(path).and_then(serde_json::Value::as_u64);
    assert_eq!(number("/broken"), Some(0));
    assert_eq!(number("/provider/refused_by_limits"), Some(0), "the limits are known");
    assert!(number("/passes/spliced") > Some(0), "{}", report["passes"]);
    assert!(number("/counts/turns") >= Some(72), "twelve agents, six turns each");
    for happened in ["children", "rewinds", "forks", "clears"] {
        assert!(number(&format!("/counts/{happened}")) > Some(0), "{happened}");
    }
    let slots = number("/scenario/provider/slots");
    assert!(number("/provider/peak_in_flight") <= slots && slots.is_some());
    assert!(number("/compared/entries") >= number("/counts/entries"));
    assert!(number("/store/syncs") > Some(0));
    if cfg!(target_os = "linux") {
        assert!(number("/house_cpu_us") > Some(0) && number("/house_cpu_us") < number("/cpu_us"));
    }
    let page = std::fs::read_to_string(world.path("r.html")).expect("it was written");
    assert!(page.contains("<svg") && page.contains("Nothing was lost, doubled or reordered"));
    world.run(&["load", "--compare", "r.json", "r.json"]).fine(&["Nothing became worse."]);
    let mut worse = report.clone();
    worse["broken"] = 1.into();
    world.file("worse.json", worse.to_string());
    let compared = world.run(&["load", "--compare", "r.json", "worse.json"]);
    assert_eq!(compared.code, Some(1), "{}{}", compared.out, compared.err);
    assert!(compared.out.contains("1 figure became worse."), "{}", compared.out);
    worse["scenario"]["agents"] = 1.into();
    world.file("other.json", worse.to_string());
    let ran = world.run(&["load", "--compare", "r.json", "other.json"]);
    let told = "highwater: the reports are of different scenarios:\n  agents: 12 before, 1 after\n";
    assert_eq!((ran.code, &*ran.err), (Some(2), told));
    for no_report in ["{}", "{\"scenario\": {}, \"latency\": {}}"] {
        world.file("no.json", no_report);
        let ran = world.run(&["load", "--compare", "no.json", "no.json"]);
        ran.failed(2, &["no.json: is no report of a load test"]);
    }
    compare_noisy(&world, report);
}

/// The report of a few seconds beside one that was interrupted, of another seed, and slower.
fn compare_noisy(world: &World, mut report: serde_json::Value) {
    report["seed"] = 4.into();
    report["interrupted"] = true.into();
    for call in ["append_made", "context_made", "next_context_made"] {
        for arm in ["during_pass", "without_pass"] {
            report["latency"][call][arm]["p99_us"] = 3_000_000.into();
        }
    }
    world.file("noisy.json", report.to_string());
    let ran = world.run(&["load", "--compare", "r.json", "noisy.json"]);
    ran.fine(&["few calls", "Nothing became worse.", "figures rest on fewer than 1,000 calls"]);
    let notes: Vec<&str> = ran.out.lines().take_while(|line| line.starts_with("note: ")).collect();
    assert_eq!(notes.len(), 2, "{}", ran.out);
    assert!(notes[0].contains("seeds are 3 and 4") && notes[1].contains("noisy.json"), "{notes:?}");
}

#[test]
fn a_provider_that_refuses_and_fails_loses_nothing() {
    let world = World::new();
    let text = "[agents]\ncount = 4\nturns = 3\nwindow_tokens = 8000\nthink_speed = 100000\nlargest_bytes = 4000\n\
                [provider]\nslots = 3\nspeed = 2000\nrefused_per_mille = 30\nfailed_per_mille = 30\n";
    world.file("unwell.toml", text);
    let words = ["load", "--scenario", "unwell.toml", "--json", "r.json", "--store", "kept", "-q"];
    world.run(&words).fine(&["Nothing was lost", "called again"]);
    let kept = world.path("kept");
    world.run(&["doctor", kept.to_str().expect("a plain name")]).fine(&["sound: yes"]);
    let again = world.run(&words);
    again.failed(2, &["of an earlier run", "choose another --store"]);
}

#[test]
fn a_process_that_is_killed_half_way_has_lost_nothing_that_it_acknowledged() {
    let world = World::new();
    world.run(&["load", "--kill", "--seed", "5", "--json", "r.json", "-q"]).fine(&[
        "Nothing was lost, doubled or reordered",
        "were acknowledged before the process was killed; 12 went on",
        "12 agents, 6 turns each;",
        "are of the half behind the kill",
    ]);
    let report = std::fs::read_to_string(world.path("r.json")).expect("it was written");
    let report: serde_json::Value = serde_json::from_str(&report).expect("it is JSON");
    assert_eq!(report["killed"]["resumed"], 12, "{}", report["killed"]);
    assert!(report["killed"]["entries"].as_u64() > Some(100), "{}", report["killed"]);
    assert!(report["counts"]["turns"].as_u64() >= Some(36), "the second half");
}

#[test]
fn scenarios_are_listed_and_mistakes_in_them_are_named() {
    let world = World::new();
    world.run(&["load", "--list"]).fine(&[
        "smoke",
        "chat-1k",
        "fleet-10k",
        "saturated",
        "flaky",
        "giant",
        "restart",
    ]);
    world.file("s.toml", "[agents]\ncount = 1\nturn = 1\n[provider]\nslots = 2\n");
    let ran = world.run(&["load", "--scenario", "s.toml"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("s.toml:3: unknown key `turn`; did you mean `turns`?"), "{}", ran.err);
    world.file("s.json", "{\n\"slots\": 6,\n}\n".repeat(100));
    let ran = world.run(&["load", "--scenario", "s.json"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.lines().count() == 12 && ran.err.ends_with(" more\n"), "{}", ran.err);
    world.run(&["load", "--scenario", "smok"]).failed(2, &["smoke, chat-1k, fleet-10k, saturated"]);
    world.run(&["load", "--json", "no/such/r.json"]).failed(1, &["cannot be written"]);
}

#[test]
fn scenarios_are_the_same_by_what_they_say_and_not_by_where_they_are() {
    let world = World::new();
    let text = "[agents]\ncount = 1\nturns = 1\nwindow_tokens = 8000\nthink_speed = 100000\n\
                [provider]\nslots = 2\nspeed = 2000\n";
    world.file("sub.toml", text);
    for (scenario, report) in [("sub.toml", "a.json"), ("./sub.toml", "b.json")] {
        world.run(&["load", "--scenario", scenario, "--json", report, "-q"]).fine(&["sub"]);
        let report = std::fs::read_to_string(world.path(report)).expect("it was written");
        let report: serde_json::Value = serde_json::from_str(&report).expect("it is JSON");
        assert_eq!(report["scenario"]["name"], "sub");
    }
    world.run(&["load", "--compare", "a.json", "b.json"]).fine(&["Nothing became worse."]);
}

#[test]
fn what_agents_do_is_fitted_to_a_folder_and_played() {
    let world = World::new();
    std::fs::create_dir(world.path("talks")).expect("a directory");
    world.file("talks/one.jsonl", conversation(5, 30));
    world.file("talks/two.jsonl", conversation(9, 60));
    let fitted = world.run(&["load", "fit", "talks"]);
    fitted.fine(&["# Fitted to 2 transcripts.", "[user_text_bytes]", "[turns_per_session]"]);
    let json = world.run(&["load", "fit", "talks", "--json"]).json();
    assert_eq!(json["turns_per_session"]["max"], 9);
    assert_eq!(json["turns_per_session"]["samples"], 2);
    world.file("mine.toml", &fitted.out);
    let words = ["load", "--behaviour", "mine.toml", "--agents", "2", "--turns", "2", "--quiet"];
    world.run(&words).fine(&["Nothing was lost"]);
    world.run(&["load", "fit", "nowhere"]).failed(2, &["nowhere cannot be listed"]);
    std::fs::create_dir(world.path("empty")).expect("a directory");
    world.run(&["load", "fit", "empty"]).failed(2, &["holds no transcript"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_provider_of_its_own_is_called_over_http_and_ends_with_the_run() {
    let world = World::new();
    let words = ["load", "--http", "--seed", "3", "--store", "kept", "--json", "r.json", "-q"];
    let mut command = world.command(&words);
    let run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let provider = child_of(&run, &world.path("kept"));
    let ran = Ran::from(run.wait_with_output().expect("it ends"));
    ran.fine(&["Nothing was lost, doubled or reordered", "but not the provider"]);
    assert!(has_ended(&provider), "the provider is left behind");
    let report = std::fs::read_to_string(world.path("r.json")).expect("it was written");
    let report: serde_json::Value = serde_json::from_str(&report).expect("it is JSON");
    let number = |path: &str| report.pointer(path).and_then(serde_json::Value::as_u64);
    assert_eq!(report["scenario"]["provider"]["over_http"], true);
    assert_eq!(number("/broken"), Some(0), "{}", report["breaches"]);
    assert_eq!(number("/provider/refused_by_limits"), Some(0), "the limits are known");
    assert!(number("/provider/calls") > number("/counts/turns"), "turns and passes call it");
    assert!(number("/provider/peak_in_flight") <= number("/scenario/provider/slots"));
    assert!(number("/passes/spliced") > Some(0), "{}", report["passes"]);
    assert!(report["provider"]["utilisation"].as_f64() > Some(0.0), "{}", report["provider"]);
}

#[test]
fn a_provider_over_http_that_refuses_and_fails_loses_nothing() {
    let world = World::new();
    let text = "[agents]\ncount = 4\nturns = 3\nwindow_tokens = 8000\nthink_speed = 100000\nlargest_bytes = 4000\n\
                [provider]\nslots = 3\nspeed = 2000\nrefused_per_mille = 30\nfailed_per_mille = 30\n\
                withhold_every_ms = 200\nwithhold_ms = 50\nover_http = 1\n";
    world.file("unwell.toml", text);
    let words = ["load", "--scenario", "unwell.toml", "--json", "r.json", "-q"];
    world.run(&words).fine(&["Nothing was lost", "called again", "by chance"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_run_whose_provider_dies_says_so_and_one_that_is_killed_leaves_none_behind() {
    let world = World::new();
    let start = |store: &str| {
        let words = ["load", "--http", "--duration", "600", "--store", store, "-q"];
        let mut command = world.command(&words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let run = start("kept");
    kill(&child_of(&run, &world.path("kept")));
    let ran = Ran::from(run.wait_with_output().expect("it ends"));
    ran.failed(1, &["the simulated provider ended before the agents did", "signal: 9"]);

    std::fs::remove_dir_all(world.path("kept")).expect("it is ours");
    let mut run = start("kept");
    let provider = child_of(&run, &world.path("kept"));
    run.kill().expect("it runs");
    run.wait().expect("it ends");
    until("the provider ends with its run", || has_ended(&provider));
}

#[test]
#[cfg(unix)]
fn a_provider_that_cannot_be_started_is_told() {
    let world = World::new();
    let made = Command::new("mkfifo").arg(world.path("s.toml")).status().expect("mkfifo is there");
    assert!(made.success(), "{made}");
    // The program is gone by the time it has read its scenario, and so cannot be started once more.
    let mut copied = world.copied();
    copied.args(["load", "--http", "--scenario", "s.toml", "-q"]);
    let run = copied.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    std::fs::remove_file(world.path("copy-of-highwater")).expect("it is there");
    let text = "[agents]\ncount = 1\nturns = 1\nwindow_tokens = 8000\n[provider]\nslots = 2\n";
    world.file("s.toml", text);
    let ran = Ran::from(run.wait_with_output().expect("it ends"));
    ran.failed(1, &["the simulated provider cannot be started"]);
}
