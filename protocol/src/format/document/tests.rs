//! Tests of reading documents.

use proptest::prelude::*;

use super::*;
use crate::entry::Dialect;
use crate::format::warnings::Warning;

/// Reads a document and checks that no byte is lost.
fn read(text: &str) -> Result<DocumentRead, Unreadable> {
    let read = read_document(text.as_bytes())?;
    let sources: Vec<u8> = read.entries.iter().flat_map(|entry| entry.source().to_vec()).collect();
    assert_eq!(sources, text.as_bytes(), "every byte stands in exactly one source, in order");
    Ok(read)
}

/// Each entry as the text around its record, and the record.
fn check(text: &str, name: &str, expected: &[&str]) {
    let read = read(text).unwrap();
    assert_eq!(read.detected.name, name, "{text}");
    let shown = read.entries.iter().map(|entry| {
        let source = std::str::from_utf8(entry.source()).unwrap();
        let (before, json) = source.split_at(entry.json().start);
        assert_eq!(entry.json().end, source.len());
        let opaque = if entry.dialect() == Dialect::Opaque { "-" } else { "+" };
        format!("{before}{opaque}{json}")
    });
    assert_eq!(shown.collect::<Vec<_>>(), expected, "{text}");
}

#[test]
fn every_byte_around_the_messages_is_carried() {
    check("[]", "OpenAI chat messages", &["-[]"]);
    check(
        r#" [{"role":"user"} , {"role":"x"}]  "#,
        "OpenAI chat messages",
        &["- [", r#"+{"role":"user"}"#, r#" , +{"role":"x"}"#, "-]  "],
    );
    check(
        "\u{feff}{\"system_prompt\":\"s\",\"messages\":[\n{\"role\":\"user\"}\n],\"tools\":[]}\n",
        "OpenAI chat messages",
        &[
            "-\u{feff}{\"system_prompt\":\"s\",\"messages\":[\n",
            r#"+{"role":"user"}"#,
            "-\n],\"tools\":[]}\n",
        ],
    );
}

#[test]
fn the_field_that_holds_the_messages_is_chosen() {
    let first = |text: &str| read(text).unwrap().entries[1].message().label.to_string();
    let (user, tool) = (r#"[{"role":"user"}]"#, r#"[{"role":"tool"}]"#);
    assert_eq!(first(&format!("{{\"traj\":{tool},\"history\":{user}}}")), "user");
    assert_eq!(first(&format!("{{\"history\":{tool},\"messages\":{user}}}")), "user");
    assert_eq!(first(&format!("{{\"traj\":{tool},\"messages\":{user}}}")), "user");
    assert_eq!(first(&format!("{{\"messages\":\"text\",\"traj\":{user}}}")), "user");
    assert_eq!(first(&format!("{{\"trajectory\":{tool},\"history\":{user}}}")), "user");
}

#[test]
fn the_dialect_is_chosen_by_the_first_message_that_tells() {
    let name = |messages: &str| read(messages).unwrap().detected.name;
    let text = r#"{"role":"user","content":[{"type":"text","text":"x"}]}"#;
    assert_eq!(name(&format!("[{text}]")), "OpenAI chat messages");
    for block in [
        r#"{"type":"tool_use"}"#,
        r#"{"type":"tool_result"}"#,
        r#"{"type":"thinking"}"#,
        r#"{"type":"image","source":{}}"#,
    ] {
        let message = format!("{{\"role\":\"user\",\"content\":[{block}]}}");
        assert_eq!(name(&format!("[{text},{message}]")), "Anthropic messages");
        let call = r#"{"role":"assistant","tool_calls":[]}"#;
        assert_eq!(name(&format!("[{call},{message}]")), "OpenAI chat messages");
    }
    let lines = r#"{"loglines":[{"type":"user","message":{"role":"user","content":"x"}}]}"#;
    assert_eq!(name(lines), "Claude Code export");
    assert!(read(lines).unwrap().entries[1].message().is_visible());
}

#[test]
fn ids_are_the_messages_own_where_they_are_unique() {
    let text = r#"[{"id":"a","role":"user"},{"id":"a","role":"user"},{"uuid":"b","id":"c","role":"user"},{"id":7,"role":"user"}]"#;
    let read = read(text).unwrap();
    let ids: Vec<_> = read.entries.iter().map(|entry| entry.id().as_str()).collect();
    assert_eq!((ids[1], ids[3]), ("a", "b"));
    for chained in [0, 2, 4, 5] {
        assert!(ids[chained].starts_with("hw-"), "{ids:?}");
    }
    let rows: Vec<_> = read.warnings.iter().collect();
    assert_eq!(rows, [("reused entry id", 1, Place::Message(2))]);
    assert!(read.entries[2].message().is_visible(), "a message said twice is shown twice");
}

#[test]
fn what_cannot_be_shown_is_carried_and_counted() {
    let read = read(r#"[{"role":"x"},7,{"role":"tool","tool_call_id":"c"},{"role":"assistant","tool_calls":[{"id":"d"}]}]"#).unwrap();
    let rows: Vec<_> = read.warnings.iter().collect();
    assert_eq!(
        rows,
        [
            ("unknown role", 1, Place::Message(1)),
            ("unreadable message", 1, Place::Message(2)),
            ("orphan result", 1, Place::Message(3)),
            ("unanswered call", 1, Place::Message(4)),
        ]
    );
    assert_eq!(read.warnings.count_of(Warning::UnknownRole), 1);
    assert!(!read.warnings.is_empty());
}

#[test]
fn an_envelope_over_the_cap_is_carried_in_pieces() {
    let text = format!("{}[{{\"role\":\"user\"}}]", " ".repeat(caps::MAX_ENTRY_BYTES));
    let read = read(&text).unwrap();
    let sizes: Vec<_> = read.entries.iter().map(|entry| entry.source().len()).collect();
    assert_eq!(sizes, [caps::MAX_ENTRY_BYTES, 1, 15, 1]);
    let large = format!("[{{\"role\":\"{}\"}}]", " ".repeat(caps::MAX_ENTRY_BYTES));
    let error = read_document(large.as_bytes()).unwrap_err();
    assert_eq!(error.at, Some(Place::Message(1)));
}

#[test]
fn a_damaged_document_is_an_error_that_names_the_place() {
    let deep = "[".repeat(100_000);
    for (bytes, expected) in [
        (
            &b"{\"messages\":\n [{\"role\":"[..],
            "line 2, column 10: the document is cut off: EOF while",
        ),
        (b"[{}] x", "line 1, column 6: not a JSON document: trailing characters"),
        (b"[\"\xff\"]", "byte 2: not UTF-8 text"),
        (b"7", "this looks like a single JSON value;"),
        (deep.as_bytes(), "byte 127: the document nests 128 or more levels deep"),
    ] {
        let found = read_document(bytes).unwrap_err().to_string();
        assert!(found.starts_with(expected), "{found}");
    }
}

proptest! {
    #[test]
    fn no_byte_is_lost(
        blanks in proptest::collection::vec("[ \n\t]{0,3}", 8),
        messages in proptest::collection::vec(
            prop::sample::select(vec![
                r#"{"role":"user","content":"x"}"#,
                r#"{"id":"a","role":"assistant","content":"]}\"[{"}"#,
                "7",
                "[[]]",
            ]),
            0..6,
        ),
        wrapped in any::<bool>(),
    ) {
        let padded = |(message, blank): (&&str, &String)| format!("{blank}{message}{blank}");
        let messages: Vec<_> = messages.iter().zip(&blanks).map(padded).collect();
        let array = format!("{}[{}]{}", blanks[6], messages.join(","), blanks[7]);
        let text = if wrapped { format!("{{\"a\":[],\"messages\":{array}}}") } else { array };
        if let Ok(found) = read(&text) {
            let envelopes = if messages.is_empty() { 1 } else { 2 };
            prop_assert_eq!(found.entries.len(), messages.len() + envelopes);
        } else {
            prop_assert!(!messages.iter().any(|message| message.contains("role")));
        }
    }
}
