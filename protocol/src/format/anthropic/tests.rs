//! Tests of reading Anthropic messages. The notation of a part: its kind and what it says.

use super::*;
use crate::entry::Dialect;
use crate::format::read_message;

pub(in crate::format) fn shown(part: &Part) -> String {
    let kept = if part.original.is_some() { "+" } else { "" };
    let said = match &part.kind {
        PartKind::Text { text } => format!("text {text:?}"),
        PartKind::Reasoning { text } => format!("reasoning {text:?}"),
        PartKind::ToolCall { id, name, arguments } => format!("call {id} {name} {arguments}"),
        PartKind::ToolResult { call, text, is_error, media } => {
            let failed = if *is_error { " failed" } else { "" };
            format!("result {call} {text:?} {media} media{failed}")
        }
        PartKind::Media { label } => format!("media {label}"),
        PartKind::Opaque { label } => format!("opaque {label}"),
    };
    format!("{said}{kept}")
}

fn check(content: &str, expected: &[&str]) {
    let json = format!("{{\"role\":\"assistant\",\"content\":{content},\"id\":\"m1\"}}");
    let message = read_message(Dialect::Anthropic, json.as_bytes()).unwrap();
    assert_eq!(message.parts.iter().map(shown).collect::<Vec<_>>(), expected, "{content}");
    assert_eq!(message.role, Role::Assistant);
    assert_eq!(message.message_id.as_deref(), Some("m1"));
    assert_eq!(message.digest, Digest::of(json.as_bytes()));
}

#[test]
fn each_block_type_is_read() {
    check(r#""hi""#, &["text \"hi\""]);
    check(r#"["hi"]"#, &["text \"hi\""]);
    check(
        r#"[{"type":"text","text":"a\u0000\u001b[1m\ud83d"}]"#,
        &["text \"a\\0\\u{1b}[1m\u{fffd}\"+"],
    );
    check(r#"[{"type":"thinking","thinking":"","signature":"s"}]"#, &["reasoning \"\"+"]);
    check(r#"[{"type":"redacted_thinking","data":"x"}]"#, &["reasoning \"\"+"]);
    check(
        r#"[{"name":"f","type":"tool_use","input":{"a": 1e2},"id":"c"}]"#,
        &[r#"call c f {"a": 1e2}+"#],
    );
    check(r#"[{"type":"tool_use"}]"#, &["call   {}+"]);
    check(
        r#"[{"type":"image","source":{}},{"type":"document"}]"#,
        &["media image+", "media document+"],
    );
    check(
        r#"[{"type":"server_tool_use","id":"s"},{"type":"text"},{}]"#,
        &["opaque server_tool_use+", "opaque text+", "opaque no type+"],
    );
    check("[]", &[]);
}

#[test]
fn results_are_read_in_all_their_shapes() {
    let result = |rest: &str| format!("[{{\"type\":\"tool_result\",\"tool_use_id\":\"c\"{rest}}}]");
    for (rest, expected) in [
        ("", r#"result c "" 0 media+"#),
        (r#","content":null"#, r#"result c "" 0 media+"#),
        (r#","content":"x","is_error":true"#, r#"result c "x" 0 media failed+"#),
        (r#","content":"x","is_error":false"#, r#"result c "x" 0 media+"#),
        (
            r#","content":[{"type":"text","text":"a"},{"type":"image"},{"type":"tool_reference"},"b",{"type":"document"}]"#,
            r#"result c "a\nb" 2 media+"#,
        ),
    ] {
        check(&result(rest), &[expected]);
    }
}

#[test]
fn a_block_keeps_its_exact_bytes() {
    let block =
        "{ \"type\":\"text\",\n \"text\" : \"\\u4f60\\/\", \"n\": 12345678901234567890123 }";
    let json = format!("{{\"role\":\"user\",\"content\":[ {block} ]}}");
    let message = read_message(Dialect::Anthropic, json.as_bytes()).unwrap();
    let original = message.parts[0].original.as_ref().unwrap();
    assert_eq!((original.format, &*original.json), (Format::Anthropic, block));
}

#[test]
fn what_is_no_message_is_refused() {
    for json in [
        "[]",
        "{}",
        r#"{"role":"tool","content":"x"}"#,
        r#"{"role":"user"}"#,
        r#"{"role":"user","content":null}"#,
        r#"{"role":"user","content":[7]}"#,
    ] {
        let error = read_message(Dialect::Anthropic, json.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid, "{json}");
    }
}

#[test]
fn too_many_parts_are_refused() {
    let blocks = |count: usize| {
        let content = vec!["\"x\""; count].join(",");
        let json = format!("{{\"role\":\"user\",\"content\":[{content}]}}");
        read_message(Dialect::Anthropic, json.as_bytes())
    };
    assert_eq!(blocks(crate::caps::MAX_PARTS).unwrap().parts.len(), crate::caps::MAX_PARTS);
    assert_eq!(blocks(crate::caps::MAX_PARTS + 1).unwrap_err().kind(), Kind::TooLarge);
}

#[test]
fn a_text_message_reads_back() {
    let json = text_message("user", "a \"b\"\n\u{1f600}");
    assert_eq!(json, "{\"role\":\"user\",\"content\":\"a \\\"b\\\"\\n\u{1f600}\"}");
    let message = read_message(Dialect::Anthropic, json.as_bytes()).unwrap();
    assert_eq!(shown(&message.parts[0]), "text \"a \\\"b\\\"\\n\u{1f600}\"");
    assert_eq!(&*message.label, "user");
}
