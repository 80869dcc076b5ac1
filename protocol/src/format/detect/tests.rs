//! Tests of telling files apart by their heads.

use super::*;
use crate::format::transcript::read_document;

fn check(head: &[u8], whole_file: bool, expected: &str) {
    let found = match detect(head, whole_file) {
        Ok(detected) => detected.name.to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(head));
}

/// What such a file is refused with, by whichever of the two steps sees it.
fn refused(file: &str) -> String {
    match detect(file.as_bytes(), true) {
        Err(error) => error.to_string(),
        Ok(detected) if detected == Detected::DOCUMENT => {
            read_document(file.as_bytes()).unwrap_err().to_string()
        }
        Ok(detected) => panic!("{file} is taken for a {}", detected.name),
    }
}

#[test]
fn session_files_are_known_by_their_lines() {
    let name = "Claude Code session";
    for line in [
        r#"{"type":"user","message":{"role":"user","content":"x"}}"#,
        r#"{"type":"summary","summary":"x","leafUuid":"l"}"#,
        r#"{"type":"file-history-snapshot","messageId":"m"}"#,
        r#"{"type":"mode","sessionId":"s"}"#,
        r#"{"type":"hologram","uuid":"u"}"#,
    ] {
        check(line.as_bytes(), true, name);
        check(format!("{line}\n").as_bytes(), true, name);
        check(format!("\u{feff}\n{line}\n{line}").as_bytes(), true, name);
        check(format!("{line}{line}\n").as_bytes(), true, name);
        check(format!("e\":1}}\n{line}\n").as_bytes(), true, name);
        check(format!("{{\"torn\":\"\n{line}\n").as_bytes(), true, name);
        let mut cut = format!("{line}\n{{\"x\":\"").into_bytes();
        cut.push(0xe4);
        check(&cut, false, name);
    }
    check(br#"{"type":"user","uuid":"u","message":{"content":"a long"#, false, name);
}

#[test]
fn documents_are_known_by_their_shape() {
    for head in [
        "[]",
        "[\n{\"role\":\"user\"",
        "{\"messages\":[]}",
        "{\n  \"loglines\": [\n{\"type\":\"user\",\"uuid\":\"u\"},",
        "{\"info\":\"a long",
        "\u{feff}{\"history\":[",
    ] {
        check(head.as_bytes(), false, "JSON document");
    }
    assert_eq!(detect(b"[]", true).unwrap().shape, crate::format::transcript::Shape::Document);
}

#[test]
fn what_is_no_text_is_refused() {
    let looks = |found: &str| foreign::refusal(found);
    check(b"", true, "the file is empty");
    check(b" \n\n", true, "the file is empty");
    check(b" \n\n", false, "the file begins with nothing but blanks");
    check(b"\xff\xfe", true, "byte 0: not UTF-8 text");
    check(b"{\"a\0", true, "byte 3: a NUL byte: the file is binary");
    let zip = looks("a zip archive, such as an inspect .eval log");
    check(b"PK\x03\x04\0\0", true, &format!("byte 0: {zip}"));
    check(b"hello\nworld", true, &looks("plain text"));
    check(b"{\"a\"}\n{", true, &looks("damaged JSON"));
}

/// Files, and how they are refused.
const FOREIGN: &[(&str, &str)] = &[
    (
        "{\"timestamp\":\"t\",\"type\":\"session_meta\",\"payload\":{}}\n{\"timestamp\":\"t\"}\n",
        "line 1: this looks like a Codex rollout;",
    ),
    (r#"{"timestamp":"t","type":"session_meta","payload":{}}"#, "this looks like a Codex rollout;"),
    (
        "{\"type\":\"session\",\"id\":\"i\"}\n{}\n",
        "line 1: this looks like a pi or OpenClaw session;",
    ),
    (
        "{\"type\":\"message\",\"id\":\"i\",\"message\":{}}\n{}\n",
        "line 1: this looks like a pi or OpenClaw session without",
    ),
    ("{\"instance_id\":\"i\",\"history\":[]}\n{}\n", "line 1: this looks like OpenHands events;"),
    (
        "{\"role\":\"user\"}\n{\"role\":\"user\"}\n",
        "line 1: this looks like one chat message per line",
    ),
    (
        "{\"x\":1}\n{\"y\":2}\n",
        "line 1: this looks like JSON objects of a format that is not known;",
    ),
    (r#"{"simulations":[{"messages":[]}]}"#, "this looks like tau2 results"),
    (r#"{"eval":{},"samples":[],"messages":[]}"#, "this looks like an inspect log;"),
    (r#"{"projectHash":"p","messages":[]}"#, "this looks like a Gemini CLI session;"),
    (r#"{"messages":[{"type":"gemini"}]}"#, "message 1: this looks like a Gemini CLI session;"),
    (r#"{"messages":[{"info":{},"parts":[]}]}"#, "message 1: this looks like an OpenCode export;"),
    (r#"{"agent":"a","updated_at":"u","messages":[]}"#, "this looks like a Cline session;"),
    (r#"{"history":[{"action":"run"}]}"#, "message 1: this looks like OpenHands events;"),
    (r#"[{"task_id":1,"traj":[]}]"#, "message 1: this looks like results with several"),
    (r#"["{}"]"#, "message 1: this looks like a list of strings"),
    ("[7]", "message 1: this looks like an array without chat messages;"),
    (r#"{"a":1}"#, "this looks like a JSON object without an array of messages;"),
];

#[test]
fn known_formats_that_are_not_read_are_named() {
    for (file, found) in FOREIGN {
        let why = refused(file);
        assert!(why.starts_with(*found), "{file}: {why}");
        assert!(!why.contains('\n'));
    }
}
