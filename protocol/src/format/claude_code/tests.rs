//! Tests of reading Claude Code lines.

use super::*;
use crate::entry::Dialect;
use crate::format::anthropic::tests::shown;
use crate::format::read_message;

fn check(line: &str, expected: (Role, &str, Option<&str>, &[&str])) {
    let message = read_message(Dialect::ClaudeCode, line.as_bytes()).unwrap();
    let parts: Vec<_> = message.parts.iter().map(shown).collect();
    let parts: Vec<_> = parts.iter().map(String::as_str).collect();
    let found = (message.role, &*message.label, message.message_id.as_deref(), &*parts);
    assert_eq!(found, expected, "{line}");
    assert_eq!(message.digest, Digest::of(line.as_bytes()));
}

#[test]
fn user_and_assistant_lines_are_shown() {
    check(
        r#"{"type":"user","uuid":"u","message":{"role":"user","content":"hi","id":"x"}}"#,
        (Role::User, "user", None, &["text \"hi\""]),
    );
    check(
        r#"{"message":{"id":"m","content":[{"type":"text","text":"t"}],"role":"assistant"},"type":"assistant"}"#,
        (Role::Assistant, "assistant", Some("m"), &["text \"t\"+"]),
    );
    for flag in ["isMeta", "isCompactSummary", "isVisibleInTranscriptOnly"] {
        let line = format!(
            "{{\"type\":\"user\",\"{flag}\":true,\"message\":{{\"role\":\"user\",\"content\":\"x\"}}}}"
        );
        check(&line, (Role::User, "user", None, &["text \"x\""]));
    }
    check(
        r#"{"type":"summary","type":"user","message":{"role":"user","content":""}}"#,
        (Role::User, "user", None, &["text \"\""]),
    );
}

#[test]
fn other_lines_are_carried_under_their_label() {
    let message = r#""message":{"role":"assistant","content":"x"}"#;
    for (line, label) in [
        (format!("{{\"type\":\"assistant\",\"isSidechain\":true,{message}}}"), "sidechain"),
        (format!("{{\"type\":\"assistant\",\"isApiErrorMessage\":true,{message}}}"), "api-error"),
        (format!("{{\"type\":\"progress\",{message}}}"), "progress"),
        (r#"{"type":"system","subtype":"compact_boundary"}"#.to_owned(), "system"),
        (r#"{"type":"hologram"}"#.to_owned(), "hologram"),
        (r#"{"type":7}"#.to_owned(), "no type"),
        ("{}".to_owned(), "no type"),
        (r#"{"type":"user"}"#.to_owned(), "user"),
        (r#"{"type":"user","message":"x"}"#.to_owned(), "user"),
        (r#"{"type":"user","message":{"content":"x"}}"#.to_owned(), "user"),
        (r#"{"type":"user","message":{"role":"user","content":7}}"#.to_owned(), "user"),
        (r#"{"type":"user","message":{"role":"user","content":[7]}}"#.to_owned(), "user"),
    ] {
        check(&line, (Role::Record, label, None, &[]));
    }
}

#[test]
fn only_what_is_no_object_is_invalid() {
    for line in ["", "[]", "7", "{\"type\":\"us"] {
        let error = read_message(Dialect::ClaudeCode, line.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid, "{line}");
    }
    let content = vec!["\"x\""; crate::caps::MAX_PARTS + 1].join(",");
    let line =
        format!("{{\"type\":\"user\",\"message\":{{\"role\":\"user\",\"content\":[{content}]}}}}");
    let error = read_message(Dialect::ClaudeCode, line.as_bytes()).unwrap_err();
    assert_eq!(error.kind(), Kind::TooLarge);
}
