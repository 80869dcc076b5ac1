//! What cannot be read is said in one line, with the place; what is merely odd is carried.

use std::fs::File;

use crate::world::{World, conversation};

#[test]
fn files_that_cannot_be_read_are_named_with_the_reason() {
    let world = World::new();
    let good = conversation(2, 6);
    let mut broken = good.clone().into_bytes();
    broken.truncate(broken.len() - 3);
    let split = good.find('\n').expect("several lines");
    let mut invalid = good.clone().into_bytes();
    invalid[split + 40] = 0xff;
    for (name, bytes, words) in [
        ("empty.jsonl", Vec::new(), vec!["empty"]),
        ("binary.jsonl", vec![0, 159, 146, 150, 0, 1], vec!["binary"]),
        ("notes.txt", b"Dear diary,\nnothing happened.\n".to_vec(), vec!["plain text"]),
        ("utf8.jsonl", invalid, vec!["line 2", "UTF-8"]),
        ("cut.json", br#"{"messages":[{"role":"user","content":"hi"},"#.to_vec(), vec!["line 1"]),
        ("none.json", br#"{"greeting":"hi"}"#.to_vec(), vec!["messages"]),
    ] {
        let file = world.file(name, bytes);
        let ran = world.replay(&file, &[]);
        ran.failed(2, &[&[name], &words[..]].concat());
    }
    world.replay(&world.path("missing.jsonl"), &[]).failed(2, &["missing.jsonl", "No such file"]);
    world.replay(&world.path("."), &[]).failed(2, &["directory"]);
}

#[test]
fn a_line_over_the_cap_is_named_by_its_number() {
    let world = World::new();
    let long = format!(r#"{{"type":"user","text":"{}"}}"#, "x".repeat(17 << 20));
    let file = world.file("long.jsonl", conversation(1, 6) + &long + "\n");
    world.replay(&file, &[]).failed(2, &["long.jsonl", "line 3", "cap"]);
}

#[test]
fn a_gigantic_file_is_refused_before_it_is_read() {
    let world = World::new();
    let path = world.path("huge.jsonl");
    let file = File::create(&path).expect("a new file");
    file.set_len(9 << 30).expect("a sparse file");
    world.replay(&path, &[]).failed(2, &["huge.jsonl", "9663676416", "cap"]);
    let path = world.path("large.json");
    let mut file = File::create(&path).expect("a new file");
    std::io::Write::write_all(&mut file, b"[{\"role\":\"user\",\"content\":\"")
        .expect("a few bytes");
    std::io::Write::write_all(&mut file, "x".repeat(2 << 20).as_bytes()).expect("two megabytes");
    file.set_len(300 << 20).expect("a sparse file");
    world.replay(&path, &[]).failed(2, &["large.json", "cap"]);
}

#[test]
fn what_real_transcripts_are_full_of_is_carried_and_told() {
    let world = World::new();
    let mut text = conversation(3, 6);
    let first = text.lines().next().expect("a line").to_owned();
    text.push_str(&first);
    text.push('\n');
    text.push_str("{\"type\":\"novelty\",\"x\":1}{\"type\":\"summary\",\"summary\":\"s\"}\n");
    let result = r#"{"type":"tool_result","tool_use_id":"gone","content":"late"}"#;
    let orphan = format!(
        "{{\"type\":\"user\",\"uuid\":\"u9\",\"message\":{{\"role\":\"user\",\"content\":[{result}]}}}}\n"
    );
    text.push_str(&orphan);
    text.push_str("{\"type\":\"user\",\"message\":{\"role\":\"us");
    let file = world.file("odd.jsonl", text);
    world.replay(&file, &[]).fine(&[
        "lossless: yes",
        "duplicate line",
        "glued line",
        "unknown line type",
        "orphan result",
        "torn line",
    ]);
}

#[test]
fn a_wrong_command_line_is_explained() {
    let world = World::new();
    let file = world.file("t.jsonl", conversation(1, 6));
    world.replay(&file, &["--trigger", "900", "--landing", "1000"]).failed(2, &["must rise"]);
    for words in
        [["replay", "--speed", "0"], ["replay", "--slots", "1"], ["replay", "--colour", "x"]]
    {
        let ran = world.run(&words);
        assert_eq!(ran.code, Some(2), "{words:?}: {}", ran.err);
        assert!(ran.err.contains(words[1]), "{}", ran.err);
    }
    let missing = world.path("missing.jsonl");
    world.replay(&missing, &["--html", "m.html"]).failed(2, &["missing.jsonl"]);
    assert!(!world.path("m.html").exists(), "a run that reads nothing writes nothing");
    world.replay(std::path::Path::new("/dev/null"), &[]).failed(2, &["not a regular file"]);
    world
        .replay(&file, &["--html", "no/such/place.html"])
        .failed(1, &["place.html", "cannot be written"]);
}
