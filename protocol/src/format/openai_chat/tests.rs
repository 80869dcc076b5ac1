//! Tests of reading `OpenAI` chat messages and their relatives.

use super::*;
use crate::entry::Dialect;
use crate::error::Kind;
use crate::format::anthropic::tests::shown;
use crate::format::read_message;

fn check(json: &str, role: Role, expected: &[&str]) {
    let message = read_message(Dialect::OpenAiChat, json.as_bytes()).unwrap();
    assert_eq!(message.role, role, "{json}");
    assert_eq!(message.parts.iter().map(shown).collect::<Vec<_>>(), expected, "{json}");
    assert_eq!(message.digest, Digest::of(json.as_bytes()));
}

#[test]
fn roles_and_contents_are_read() {
    check(r#"{"content":"s","role":"system"}"#, Role::System, &["text \"s\""]);
    check(r#"{"role":"developer","content":"s"}"#, Role::System, &["text \"s\""]);
    check(r#"{"role":"user","content":"x","role":"assistant"}"#, Role::Assistant, &["text \"x\""]);
    check(r#"{"role":"assistant","content":null,"tool_calls":null}"#, Role::Assistant, &[]);
    check(r#"{"role":"user","content":{"a":1}}"#, Role::User, &["opaque content+"]);
    check(
        r#"{"role":"user","content":[{"type":"text","text":"a\ud83d"},"b",{"type":"image_url"},{"type":"input_audio"},{"type":"file"},{"type":"refusal"}]}"#,
        Role::User,
        &[
            "text \"a\u{fffd}\"+",
            "text \"b\"",
            "media image_url+",
            "media input_audio+",
            "media file+",
            "opaque refusal+",
        ],
    );
}

#[test]
fn a_message_without_a_known_role_is_carried() {
    for (json, label) in [
        (r#"{"role":"narrator","content":"x"}"#, "narrator"),
        (r#"{"content":"x"}"#, "no role"),
        (r#"{"role":7}"#, "no role"),
    ] {
        check(json, Role::Record, &[]);
        assert_eq!(&*read_message(Dialect::OpenAiChat, json.as_bytes()).unwrap().label, label);
    }
}

#[test]
fn calls_are_read_in_all_their_shapes() {
    let calls = |calls: &str| {
        format!("{{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{calls}]}}")
    };
    for (call, expected) in [
        (
            r#"{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}}"#,
            r#"call c f {"a": 1}+"#,
        ),
        (r#"{"id":"c","function":{"name":"f","arguments":{"a": 1}}}"#, r#"call c f {"a": 1}+"#),
        (r#"{"id":"c","name":"f","arguments":{},"requestor":"user"}"#, "call c f {}+"),
        (r#"{"id":null,"function":"f","arguments":{"a":2}}"#, r#"call  f {"a":2}+"#),
        ("7", "call   {}+"),
    ] {
        check(&calls(call), Role::Assistant, &["text \"\"", expected]);
    }
    check(
        r#"{"role":"assistant","function_call":{"name":"f","arguments":"{}"}}"#,
        Role::Assistant,
        &["call  f {}"],
    );
}

#[test]
fn reasoning_is_read_once_and_comes_first() {
    for json in [
        r#"{"role":"assistant","content":"x","reasoning":"r","reasoning_content":"again"}"#,
        r#"{"role":"assistant","content":"x","reasoning":null,"reasoning_content":"r"}"#,
    ] {
        check(json, Role::Assistant, &["reasoning \"r\"", "text \"x\""]);
    }
    check(r#"{"role":"assistant","content":"x","reasoning":""}"#, Role::Assistant, &["text \"x\""]);
}

#[test]
fn results_name_their_call_as_well_as_they_can() {
    for (rest, expected) in [
        (r#""tool_call_id":"c","tool_call_ids":["d"]"#, r#"result c "x" 0 media"#),
        (r#""tool_call_id":null,"tool_call_ids":["d","e"]"#, r#"result d "x" 0 media"#),
        (r#""tool_call_ids":[]"#, r#"result  "x" 0 media"#),
        (r#""name":"f""#, r#"result  "x" 0 media"#),
    ] {
        check(&format!("{{\"role\":\"tool\",\"content\":\"x\",{rest}}}"), Role::Tool, &[expected]);
    }
    check(
        r#"{"role":"function","name":"f","tool_call_id":"c","content":"x"}"#,
        Role::Tool,
        &[r#"result  "x" 0 media"#],
    );
}

#[test]
fn results_keep_their_content_only_when_it_holds_media() {
    let with = |content: &str| {
        format!("{{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":{content}}}")
    };
    let text = r#"[{"type":"text","text":"a"},{"type":"text","text":"b"}]"#;
    check(&with(text), Role::Tool, &[r#"result c "a\nb" 0 media"#]);
    check(&with("null"), Role::Tool, &[r#"result c "" 0 media"#]);
    let list = r#"[{"type":"text","text":"a"}, {"type":"image_url"}]"#;
    check(&with(list), Role::Tool, &[r#"result c "a" 1 media+"#]);
    let message = read_message(Dialect::OpenAiChat, with(list).as_bytes()).unwrap();
    assert_eq!(&*message.parts[0].original.as_ref().unwrap().json, list);
}

#[test]
fn what_is_no_object_is_refused() {
    for json in ["", "[]", "\"x\"", "{\"role\":\"user\""] {
        let error = read_message(Dialect::OpenAiChat, json.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid, "{json}");
    }
}
