//! Stores whose rows were changed behind Highwater's back: `doctor` finds each, names the place, and changes nothing.

use std::fs;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::world::{Ran, World, conversation};

type Bytes = &'static [u8];

/// The rows of a table of the store.
fn rows(world: &World, table: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let database = Database::open(world.path("store/highwater.redb")).expect("it is closed");
    let table = TableDefinition::<Bytes, Bytes>::new(table);
    let table = database.begin_read().expect("a snapshot").open_table(table).expect("it is there");
    let row = |row: Result<(redb::AccessGuard<'_, Bytes>, redb::AccessGuard<'_, Bytes>), _>| {
        let (key, value) = row.expect("it can be read");
        (key.value().to_vec(), value.value().to_vec())
    };
    table.iter().expect("it can be read").map(row).collect()
}

/// Puts something in the place of a row, or takes it away.
fn put(world: &World, table: &str, key: &[u8], value: Option<&[u8]>) {
    let database = Database::open(world.path("store/highwater.redb")).expect("it is closed");
    let transaction = database.begin_write().expect("a transaction");
    let mut open =
        transaction.open_table(TableDefinition::<&[u8], &[u8]>::new(table)).expect("it is there");
    match value {
        Some(value) => drop(open.insert(key, value).expect("it is written")),
        None => drop(open.remove(key).expect("it is removed")),
    }
    drop(open);
    transaction.commit().expect("it is committed");
}

/// Three sessions: `a` small, `large` with sealed records, payloads, anchors and a splice, `z` small.
fn stored() -> World {
    let world = World::new();
    let small = world.file("small.jsonl", conversation(5, 9));
    let image = format!(
        r#"{{"type":"user","uuid":"i","sessionId":"s","message":{{"role":"user","content":[{{"type":"image","source":{{"type":"base64","media_type":"image/png","data":"{}"}}}}]}}}}"#,
        "iVBORw0KGgo".repeat(5_000)
    );
    let again = image.replace(r#""uuid":"i""#, r#""uuid":"j""#);
    let text = format!("{image}\n{again}\n{}", conversation(150, 600));
    let large = world.file("large.jsonl", text);
    for (file, session, window) in
        [(&small, "a", "48000"), (&large, "large", "16000"), (&small, "z", "48000")]
    {
        let more = ["--store", "store", "--session", session, "--window", window];
        world.replay(file, &more).fine(&["lossless: yes"]);
    }
    // A house that closes seals what is worth it: what comes behind that stands in rows of its own.
    for _ in 0..2 {
        world.run(&["checkpoint", "store", "large"]).fine(&[]);
    }
    world.run(&["doctor", "store"]).fine(&["sound: yes", "3 sessions"]);
    world
}

/// What is wrong is found and named, all the rest is examined, and not a byte is changed.
#[track_caller]
fn is_found(world: &World, words: &[&str]) -> Ran {
    let file = world.path("store/highwater.redb");
    let before = fs::read(&file).expect("it is there");
    let text = world.run(&["doctor", "store"]);
    assert_eq!((text.code, &*text.err), (Some(1), ""), "{}", text.out);
    assert!(text.out.trim_end().ends_with("sound: no"), "{}", text.out);
    let line = text.out.lines().find(|line| words.iter().all(|word| line.contains(word)));
    assert!(line.is_some(), "no line has all of {words:?}: {}", text.out);
    let json = world.run(&["doctor", "store", "--json"]);
    assert_eq!(json.code, Some(1));
    let report = json.json();
    assert_eq!((&report["sound"], &report["sessions"]), (&false.into(), &3.into()), "{report}");
    assert!(fs::read(&file).expect("it is there") == before, "nothing is modified");
    json
}

fn flipped(row: &[u8], at: usize) -> Vec<u8> {
    let mut row = row.to_vec();
    row[at] ^= 4;
    row
}

/// The position at the end of a key.
fn position(key: &[u8]) -> u64 {
    u64::from_be_bytes(*key.last_chunk().expect("it ends with one"))
}

/// The key begins with the number of the second session that was made.
fn is_large(key: &[u8]) -> bool {
    key.starts_with(&1_u64.to_be_bytes())
}

#[test]
fn damage_is_found_wherever_a_bit_flips_and_whatever_row_is_gone() {
    let world = stored();
    let sound = fs::read(world.path("store/highwater.redb")).expect("it is there");
    for table in ["log", "segments", "anchors", "ids"] {
        let rows: Vec<_> =
            rows(&world, table).into_iter().filter(|(key, _)| is_large(key)).collect();
        assert!(!rows.is_empty(), "{table}");
        let (key, row) = &rows[rows.len() / 2];
        let at = format!("@{}:", position(key));
        let place = if table == "ids" { "record @" } else { at.as_str() };
        for offset in [1, row.len() / 2, row.len() - 1] {
            put(&world, table, key, Some(&flipped(row, offset)));
            is_found(&world, &["session large", place]);
        }
        if table != "anchors" {
            put(&world, table, key, None);
            is_found(&world, &["session large", place]);
        }
        fs::write(world.path("store/highwater.redb"), &sound).expect("it is written");
    }
    world.run(&["doctor", "store"]).fine(&["sound: yes"]);
}

#[test]
fn a_lost_payload_is_told_once_with_how_many_entries_refer_to_it() {
    let world = stored();
    let rows = rows(&world, "blobs");
    let (key, row) = rows.first().expect("the image");
    for (value, why) in [(Some(flipped(row, row.len() / 2)), "damaged"), (None, "missing")] {
        put(&world, "blobs", key, value.as_deref());
        let report = is_found(&world, &["the payload", why, "2 entries refer to it"]).json();
        let findings = report["findings"].as_array().expect("a list");
        let whole = findings.iter().filter(|finding| finding["session"].is_null()).count();
        assert_eq!(whole, 1, "{report}");
        let in_session = findings.iter().filter(|finding| finding["session"] == "large").count();
        assert_eq!(in_session, 2, "each entry is named: {report}");
    }
    let stats = world.run(&["stats", "store"]);
    assert_eq!(stats.code, Some(1));
    assert!(stats.out.contains("damaged: record @"), "{}", stats.out);
}

#[test]
fn a_session_whose_row_is_damaged_does_not_hide_the_others() {
    let world = stored();
    let rows = rows(&world, "sessions");
    let (key, row) = rows.iter().find(|(key, _)| key == b"large").expect("it is there");
    put(&world, "sessions", key, Some(&flipped(row, row.len() - 1)));
    let report = is_found(&world, &["session large: ", "session row"]).json();
    assert_eq!(report["entries"], 20, "the other two were examined: {report}");
    let stats = world.run(&["stats", "store", "--json"]);
    assert_eq!(stats.code, Some(1));
    let sessions = stats.json()["sessions"].clone();
    assert_eq!((&sessions[0]["entries"], &sessions[2]["entries"]), (&10.into(), &10.into()));
    assert!(sessions[1]["damaged"].is_string(), "{sessions}");
    assert!(world.run(&["stats", "store"]).out.contains("damaged: "));
    world.run(&["call", "store", "large", "1"]).failed(1, &["large", "session row"]);
    world.run(&["call", "store", "z", "1"]).fine(&["turn 0"]);
    let maintained = world.run(&["maintain", "store", "--json"]);
    assert_eq!(maintained.code, Some(1), "{}", maintained.err);
    assert_eq!(maintained.json()["damaged"][0]["session"], "large");
    world.run(&["verify", "--store", "store", "--session", "a", "small.jsonl"]).fine(&["yes"]);
}

#[test]
fn rows_of_a_session_that_is_gone_are_found() {
    let world = stored();
    put(&world, "sessions", b"large", None);
    let ran = world.run(&["doctor", "store"]);
    assert_eq!(ran.code, Some(1));
    for (table, from) in
        [("log", " from @"), ("segments", " from @"), ("ids", ""), ("anchors", " from @")]
    {
        let line = format!("the table {table} has rows{from}");
        assert!(ran.out.contains(&line) && ran.out.contains("belong to no session"), "{}", ran.out);
    }
}

#[test]
fn rows_behind_the_end_and_a_lost_counter_are_found() {
    let world = stored();
    let log = rows(&world, "log");
    let (key, row) = log.iter().rfind(|(key, _)| is_large(key)).expect("a tail");
    let behind = [&key[..8], &(position(key) + 1).to_be_bytes()].concat();
    put(&world, "log", &behind, Some(row));
    let place = format!("@{}", position(&behind));
    is_found(&world, &["the table log has a row", &place, "whose log ends at"]);
    put(&world, "log", &behind, None);
    let counter = rows(&world, "meta").into_iter().find(|(key, _)| key == b"next session");
    let (key, row) = counter.expect("it is there");
    for value in [Some(flipped(&row, row.len() - 1)), None] {
        put(&world, "meta", &key, value.as_deref());
        is_found(&world, &["the row that counts sessions"]);
    }
}

#[test]
fn an_id_that_leads_elsewhere_and_an_anchor_of_another_place_are_found() {
    let world = stored();
    let ids: Vec<_> = rows(&world, "ids").into_iter().filter(|(key, _)| is_large(key)).collect();
    put(&world, "ids", &ids[0].0, Some(&ids[1].1));
    is_found(&world, &["session large", "the index of ids has entry"]);
    put(&world, "ids", &ids[0].0, Some(&ids[0].1));
    let anchors: Vec<_> =
        rows(&world, "anchors").into_iter().filter(|(key, _)| is_large(key)).collect();
    put(&world, "anchors", &anchors[0].0, Some(&anchors[1].1));
    let place = format!("@{}", position(&anchors[0].0));
    is_found(&world, &["session large", &place, "an anchor is of no use"]);
}

#[test]
fn a_record_that_does_not_fit_the_log_is_found_by_the_fold() {
    let world = stored();
    let log = rows(&world, "log");
    let (large, other): (Vec<_>, Vec<_>) = log.into_iter().partition(|(key, _)| is_large(key));
    let (first, last) = (&other[1], &large[large.len() - 1]);
    put(&world, "log", &last.0, Some(&first.1));
    is_found(&world, &["session large", "the log cannot be folded"]);
}

#[test]
fn a_file_that_is_cut_short_or_rotten_is_one_clear_error_or_finding() {
    let world = stored();
    let file = world.path("store/highwater.redb");
    let sound = fs::read(&file).expect("it is there");
    for length in [0, 100, 5_000, sound.len() / 2] {
        fs::write(&file, &sound[..length]).expect("it is written");
        for command in ["doctor", "stats", "maintain"] {
            world.run(&[command, "store"]).failed(1, &["highwater.redb"]);
        }
        assert!(fs::read(&file).expect("it is there") == sound[..length], "{length}");
    }
    for page in (1..sound.len() / 4096).step_by(sound.len() / 4096 / 12) {
        let mut rotten = sound.clone();
        rotten[page * 4096 + 8..page * 4096 + 64].fill(0x5a);
        fs::write(&file, &rotten).expect("it is written");
        let ran = world.run(&["doctor", "store"]);
        assert!(matches!(ran.code, Some(0 | 1)), "page {page}: {}{}", ran.out, ran.err);
        assert!(fs::read(&file).expect("it is there") == rotten, "page {page}");
    }
}
