//! Tests of the raw JSON steps.

use super::*;

#[test]
fn strings_are_decoded_and_lone_surrogates_replaced() {
    for (raw, expected) in [
        (r#""plain""#, Some("plain")),
        (r#""a\nb\u0000c""#, Some("a\nb\0c")),
        (r#""\ud83d\ude00""#, Some("\u{1f600}")),
        (r#""x\ud83dy""#, Some("x\u{fffd}y")),
        (r#""\ud83d\ud83d""#, Some("\u{fffd}\u{fffd}")),
        (r#""\udc00""#, Some("\u{fffd}")),
        ("\"\u{4f60}\u{597d}\"", Some("\u{4f60}\u{597d}")),
        ("7", None),
        (r#"{"a":1}"#, None),
    ] {
        assert_eq!(decode(raw).as_deref(), expected, "{raw}");
    }
}

#[test]
fn of_a_repeated_key_the_last_counts_and_null_is_missing() {
    let fields = object(br#"{"a":1,"b":"x","a":2,"c":null,"\ud83d":3}"#).unwrap();
    assert_eq!(fields.raw("a"), Some("2"));
    assert_eq!(fields.text("b").as_deref(), Some("x"));
    assert!(!fields.has("c"));
    assert_eq!(fields.raw("\u{fffd}"), Some("3"));
}

#[test]
fn what_is_no_object_is_refused() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(127), "]".repeat(127));
    for (bytes, kind) in [
        (&b"[1]"[..], Kind::Invalid),
        (b"\xff", Kind::Invalid),
        (b"{\"a\":1} x", Kind::Invalid),
        (b"{\"a\nb\":1}", Kind::Invalid),
        (b"{\"a\":1", Kind::Invalid),
        (deep.as_bytes(), Kind::TooLarge),
    ] {
        assert_eq!(object(bytes).unwrap_err().kind(), kind);
    }
    let legal = format!("{{\"a\":{}{}}}", "[".repeat(126), "]".repeat(126));
    object(legal.as_bytes()).unwrap();
    serde_json::from_str::<serde_json::Value>(&legal).unwrap();
}

#[test]
fn brackets_in_strings_do_not_nest() {
    assert_eq!(too_deep(&format!("\"\\\"{}\"", "[".repeat(500))), None);
    assert_eq!(too_deep(&"[]".repeat(500)), None);
    for cut in ["\"[", "\"\\", "[\"\\\"["] {
        assert_eq!(too_deep(cut), None, "{cut} ends within a string");
    }
    let behind = format!("\"[[\"{}", "[".repeat(128));
    assert_eq!(too_deep(&behind), Some(4 + 127), "what stands behind a string nests");
}

#[test]
fn a_cut_text_gives_the_fields_before_the_cut() {
    let fields = Fields::of_prefix(r#"{"type":"user","uuid":"u","message":{"role":"#);
    assert_eq!(fields.text("type").as_deref(), Some("user"));
    assert!(fields.has("uuid") && !fields.has("message"));
}

#[test]
fn blanks_and_a_byte_order_mark_are_measured() {
    for (text, expected) in [("{}", 0), (" \t\r\n{}", 4), ("\u{feff} {}", 4), ("", 0)] {
        assert_eq!(leading_blanks(text), expected);
    }
}
