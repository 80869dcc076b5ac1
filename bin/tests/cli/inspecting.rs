//! Stores looked into: what is in them, whether they are sound, what a past call saw, and giving room back.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use highwater_storage::{RedbOptions, RedbStore, Store};

use crate::world::{Ran, World, conversation};

/// A world with a store that holds `small` and `large`, which has sealed records and a splice.
pub(crate) fn stored() -> World {
    let world = World::new();
    let file = world.file("small.jsonl", conversation(5, 9));
    world.replay(&file, &["--store", "store"]).fine(&["lossless: yes"]);
    let file = world.file("large.jsonl", conversation(150, 600));
    world.replay(&file, &["--store", "store", "--window", "16000"]).fine(&["lossless: yes"]);
    world
}

/// The store's file.
fn bytes(world: &World) -> Vec<u8> {
    fs::read(world.path("store/highwater.redb")).expect("the store's file")
}

/// The numbers in the row of a table that begins with a word.
fn cells(ran: &Ran, first: &str) -> Vec<String> {
    let row = ran.out.lines().find(|line| line.split_whitespace().next() == Some(first));
    row.expect("a row").split_whitespace().map(str::to_owned).collect()
}

#[test]
fn stats_tells_the_sessions_and_what_room_they_take() {
    let world = stored();
    let before = bytes(&world);
    let (text, ran) = (world.run(&["stats", "store"]), world.run(&["stats", "store", "--json"]));
    text.fine(&["session", "sealed", "anchors", "2 sessions; the file takes"]);
    ran.fine(&[]);
    let json = ran.json();
    assert_eq!(json["file_bytes"], before.len() as u64);
    let [large, small] = &json["sessions"].as_array().expect("a list")[..] else {
        panic!("two sessions: {json}");
    };
    for (session, name, file, entries) in
        [(large, "large", "large.jsonl", 300), (small, "small", "small.jsonl", 10)]
    {
        let length = fs::metadata(world.path(file)).expect("it is there").len();
        assert_eq!(session["session"], name);
        assert_eq!(
            (&session["entries"], &session["entry_bytes"]),
            (&entries.into(), &length.into())
        );
        assert_eq!((&session["shared_records"], &session["damaged"]), (&0.into(), &().into()));
        assert_eq!(cells(&text, name)[1], entries.to_string(), "{}", text.out);
    }
    assert!(large["sealed_records"].as_u64() > Some(100), "{large}");
    assert!(large["anchors"].as_u64() > Some(0), "{large}");
    let ratio = json["ratio"].as_f64().expect("a number");
    assert!(ratio > 0.0 && ratio < 3.0, "{ratio}");
    assert!(bytes(&world) == before, "nothing is modified");
}

#[test]
fn a_fork_counts_what_it_shares_once() {
    use highwater_protocol::SessionId;
    use highwater_storage::Fork;
    let world = stored();
    let whole = world.run(&["stats", "store", "--json"]).json()["entry_bytes"].clone();
    let store = RedbStore::open(&world.path("store"), RedbOptions::default()).expect("it is there");
    let named = |name| SessionId::parse(name).expect("a legal name");
    let at = store.session(&named("large")).expect("it is there").head;
    store.fork(&Fork { parent: named("large"), at, child: named("child") }).expect("it is forked");
    drop(store);
    let json = world.run(&["stats", "store", "--json"]).json();
    assert_eq!(json["entry_bytes"], whole, "a fork adds nothing");
    let child = &json["sessions"][0];
    assert_eq!((&child["session"], &child["entries"]), (&"child".into(), &300.into()));
    assert_eq!(child["shared_records"], at.0);
    world.run(&["doctor", "store"]).fine(&["sound: yes", "3 sessions"]);
}

#[test]
fn a_sound_store_is_said_to_be_sound_and_not_a_byte_is_changed() {
    let world = stored();
    let before = bytes(&world);
    let text = world.run(&["doctor", "store"]);
    text.fine(&["2 sessions", "310 entries", "every hash verified", "sound: yes"]);
    assert_eq!(text.err, "", "there is no terminal to show progress on");
    let json = world.run(&["doctor", "store", "--json"]);
    json.fine(&[]);
    let json = json.json();
    assert_eq!((&json["sound"], &json["file_sound"]), (&true.into(), &true.into()));
    assert_eq!(json["findings"], serde_json::json!([]));
    assert!(json["anchors"].as_u64() > Some(0), "{json}");
    assert!(bytes(&world) == before, "nothing is modified");
    let names = fs::read_dir(world.path("store")).expect("a directory").count();
    assert_eq!(names, 3, "nothing is put beside the file, its redo log and the lock");
}

#[cfg(unix)]
#[test]
fn a_store_is_looked_into_where_nothing_may_be_written() {
    let world = stored();
    fs::remove_file(world.path("store/highwater.lock")).expect("it is there");
    world.set_mode("store/highwater.redb", 0o444);
    world.set_mode("store", 0o555);
    world.run_as_anybody(&["doctor", "store"]).fine(&["sound: yes"]);
    world.run_as_anybody(&["stats", "store"]).fine(&["2 sessions"]);
    world.run_as_anybody(&["call", "store", "small", "1"]).fine(&["turn 0"]);
    let refused = ["highwater.lock", "permission is missing"];
    world.run_as_anybody(&["maintain", "store"]).failed(1, &refused);
    let names = fs::read_dir(world.path("store")).expect("a directory").count();
    assert_eq!(names, 2, "the file and its redo log");
    world.set_mode("store", 0o755);
}

#[test]
fn a_past_call_is_printed_as_it_was() {
    let world = stored();
    let last = world.run(&["call", "store", "large", "9999"]);
    last.failed(1, &["session large", "no call 9999", "its calls are 1 to 1"]);
    let count = last.err.trim_end().rsplit(' ').next().expect("a word").to_owned();
    let before = bytes(&world);
    for call in ["1", "70", &count] {
        let body = world.run(&["call", "store", "large", call]);
        body.fine(&["{\"messages\":["]);
        let about = world.run(&["call", "store", "large", call, "--json"]);
        about.fine(&[body.out.trim_end()]);
        let about = about.json();
        assert_eq!(about["call"].to_string(), call);
        assert_eq!((&about["session"], &about["format"]), (&"large".into(), &"anthropic".into()));
        assert_eq!(about["used"], serde_json::json!(null), "a replay reports nothing");
        assert!(about["position"].as_u64() > Some(0) && about["tokens"].as_u64() > Some(0));
        assert_eq!(about["digest"].as_str().map(str::len), Some(64));
        assert!(about["body"]["messages"].is_array());
    }
    assert!(world.run(&["call", "store", "large", &count]).out.contains("summary"));
    assert!(bytes(&world) == before, "nothing is modified");
}

#[test]
fn what_is_not_there_is_named() {
    let world = stored();
    let before = bytes(&world);
    for words in [&["stats"][..], &["doctor"], &["maintain"]] {
        world.run(&[words, &["nowhere"]].concat()).failed(1, &["nowhere", "no store"]);
        assert_eq!(world.run(words).code, Some(2), "a store has to be named");
        assert_eq!(world.run(&[words, &["store", "--table"]].concat()).code, Some(2));
    }
    world.run(&["call", "nowhere", "small", "1"]).failed(1, &["nowhere", "no store"]);
    world.run(&["call", "store", "medium", "1"]).failed(1, &["no session medium"]);
    world.run(&["call", "store", "", "1"]).failed(2, &["session"]);
    for number in ["0", "-1", "x"] {
        let ran = world.run(&["call", "store", "small", number]);
        assert_eq!(ran.code, Some(2), "{}", ran.err);
    }
    assert!(!world.path("nowhere").exists() && bytes(&world) == before, "nothing is modified");
}

#[test]
fn what_is_no_store_is_refused_and_left_alone() {
    let world = World::new();
    world.file("plain", "just a file");
    fs::create_dir(world.path("dir")).expect("a new directory");
    let foreign = world.file("dir/highwater.redb", "something else entirely");
    for command in ["stats", "doctor", "maintain"] {
        world.run(&[command, "plain"]).failed(1, &["plain"]);
        world.run(&[command, "dir"]).failed(1, &["highwater.redb", "not a Highwater store"]);
    }
    world.run(&["call", "dir", "s", "1"]).failed(1, &["highwater.redb", "not a Highwater store"]);
    assert_eq!(fs::read(foreign).expect("still there"), b"something else entirely");
    assert_eq!(fs::read_dir(world.path("dir")).expect("a directory").count(), 1);
}

#[test]
fn a_store_in_use_is_said_to_be_so() {
    let world = stored();
    let held = RedbStore::open(&world.path("store"), RedbOptions::default()).expect("it is there");
    for words in [
        &["stats", "store"][..],
        &["doctor", "store"],
        &["maintain", "store"],
        &["call", "store", "small", "1"],
    ] {
        world.run(words).failed(1, &["store", "open in another process"]);
    }
    drop(held);
    let reading = RedbStore::open_to_read(&world.path("store"), RedbOptions::default());
    let reading = reading.expect("it is there");
    world.run(&["stats", "store"]).fine(&["2 sessions"]);
    world.run(&["maintain", "store"]).failed(1, &["open in another process"]);
    let one = highwater_protocol::SessionId::parse("one").expect("a legal name");
    let refused = reading.open_session(&one).expect_err("it may only be read");
    assert!(refused.to_string().contains("to be looked at"), "{refused}");
}

#[test]
fn maintain_gives_room_back_and_loses_nothing() {
    let world = stored();
    let body = world.run(&["call", "store", "large", "70"]).out;
    let ran = world.run(&["maintain", "store", "--json"]);
    ran.fine(&[]);
    let json = ran.json();
    let after = json["file_bytes_after"].as_u64().expect("a number");
    assert!(Some(after) <= json["file_bytes_before"].as_u64(), "{json}");
    assert_eq!(json["damaged"], serde_json::json!([]));
    world
        .run(&["maintain", "store"])
        .fine(&["sealed 0 records, removed 0 payloads; the file went"]);
    world.run(&["doctor", "store"]).fine(&["sound: yes"]);
    for name in ["small", "large"] {
        world
            .run(&["verify", "--store", "store", &format!("{name}.jsonl")])
            .fine(&["lossless: yes"]);
    }
    assert_eq!(world.run(&["call", "store", "large", "70"]).out, body);
}

#[test]
fn payloads_that_nothing_refers_to_are_told_and_removed_when_they_are_old() {
    let world = stored();
    let store = RedbStore::open(&world.path("store"), RedbOptions::default()).expect("it is there");
    let long_ago = highwater_protocol::Timestamp(0);
    store.put_blobs(&[&b"nobody's"[..]], long_ago).expect("it is stored");
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is past 1970");
    let three_hours_ago =
        i64::try_from(since.as_millis()).expect("it is not far past") - 3 * 3_600_000;
    let lately = highwater_protocol::Timestamp(three_hours_ago);
    store.put_blobs(&[&b"nobody's either"[..]], lately).expect("it is stored");
    drop(store);
    world.run(&["doctor", "store"]).fine(&["2 payloads that nothing refers to", "sound: yes"]);
    for (keep, removed) in
        [("24", "removed 1 payload;"), ("4", "removed 0"), ("2", "removed 1 payload;")]
    {
        world.run(&["maintain", "store", "--keep-hours", keep]).fine(&[removed]);
    }
    assert_eq!(world.run(&["doctor", "store", "--json"]).json()["unreferenced_payloads"], 0);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let world = stored();
    for arguments in [
        &["call", "store", "large", "70"][..],
        &["checkpoint", "store", "large"],
        &["export", "store", "large", "backup", "--json"],
        &["restore", "backup", "copy"],
        &["replay", "--speed", "1000", "--json"],
    ] {
        let mut command = world.command(arguments);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        drop(child.stdout.take());
        let ended = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!((ended.status.code(), &*said), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn help_shows_examples_for_each_command() {
    let world = World::new();
    for (command, word) in [
        ("stats", "--json"),
        ("doctor", "jq"),
        ("call", "my-session"),
        ("maintain", "--keep-hours"),
    ] {
        world.run(&[command, "--help"]).fine(&["Example", &format!("highwater {command}"), word]);
    }
}
