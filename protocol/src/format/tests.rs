//! Tests of the doors: rendering and bodies as tables, and the properties that hold for any input.

use std::sync::Arc;

use proptest::prelude::*;

use std::borrow::Cow;

use super::*;
use crate::block::Answer;
use crate::entry::PartKind;

fn message(dialect: Dialect, json: &str) -> Message {
    read_message(dialect, json.as_bytes()).unwrap()
}

fn say(message: &Message) -> Unit<'_> {
    Unit::Say { role: message.role, parts: message.parts.iter().map(Cow::Borrowed).collect() }
}

/// Renders one message and compares the blocks, written as role and JSON.
fn check(format: Format, dialect: Dialect, json: &str, expected: &[(Role, &str)]) {
    let message = message(dialect, json);
    let blocks = render(format, &[say(&message)]);
    let found: Vec<_> = blocks.iter().map(|block| (block.role, &*block.json)).collect();
    assert_eq!(found, expected, "{json}");
}

const CHAT: &str = r#"{"role":"assistant","reasoning":"r","content":" ","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},{"id":"d","name":"g","arguments":{"b": 2}},{"id":"e","type":"function","function":{"name":"h","arguments":"cut {"}}]}"#;
const BLOCKS: &str = r#"{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"thinking","thinking":"unsigned"},{"type":"redacted_thinking","data":"d"},{"type":"text", "text":"a"},{"type":"text","text":" "},{"type":"tool_use","id":"c","name":"f","input":{ }},{"type":"server_tool_use"}]}"#;

#[test]
fn anthropic_blocks_keep_their_bytes_in_their_own_format() {
    check(
        Format::Anthropic,
        Dialect::Anthropic,
        BLOCKS,
        &[
            (Role::Assistant, r#"{"type":"thinking","thinking":"t","signature":"s"}"#),
            (Role::Assistant, r#"{"type":"redacted_thinking","data":"d"}"#),
            (Role::Assistant, r#"{"type":"text", "text":"a"}"#),
            (Role::Assistant, r#"{"type":"tool_use","id":"c","name":"f","input":{ }}"#),
            (Role::Assistant, r#"{"type":"server_tool_use"}"#),
        ],
    );
    let message = message(Dialect::Anthropic, BLOCKS);
    let blocks = render(Format::Anthropic, &[say(&message)]);
    let original = message.parts[0].original.as_ref().unwrap();
    assert!(Arc::ptr_eq(&blocks[0].json, &original.json), "shared, not copied");
}

#[test]
fn anthropic_blocks_become_a_chat_message() {
    check(
        Format::OpenAiChat,
        Dialect::Anthropic,
        BLOCKS,
        &[(
            Role::Assistant,
            r#"{"role":"assistant","content":"a\n\n[server_tool_use: not carried over from another format]","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{ }"}}]}"#,
        )],
    );
    check(
        Format::OpenAiChat,
        Dialect::Anthropic,
        r#"{"role":"system","content":"s"}"#,
        &[(Role::System, r#"{"role":"system","content":"s"}"#)],
    );
}

#[test]
fn chat_messages_become_anthropic_blocks() {
    check(
        Format::Anthropic,
        Dialect::OpenAiChat,
        CHAT,
        &[
            (Role::Assistant, r#"{"type":"tool_use","id":"c","name":"f","input":{"a":1}}"#),
            (Role::Assistant, r#"{"type":"tool_use","id":"d","name":"g","input":{"b": 2}}"#),
            (
                Role::Assistant,
                r#"{"type":"tool_use","id":"e","name":"h","input":{"input":"cut {"}}"#,
            ),
        ],
    );
    check(
        Format::Anthropic,
        Dialect::OpenAiChat,
        r#"{"role":"developer","content":"s"}"#,
        &[(Role::System, r#"{"type":"text","text":"s"}"#)],
    );
    check(
        Format::Anthropic,
        Dialect::OpenAiChat,
        r#"{"role":"user","content":[{"type":"text","text":"a","x":1},{"type":"image_url"}]}"#,
        &[
            (Role::User, r#"{"type":"text","text":"a"}"#),
            (
                Role::User,
                r#"{"type":"text","text":"[image_url: not carried over from another format]"}"#,
            ),
        ],
    );
}

#[test]
fn chat_messages_are_legal_in_their_own_format() {
    check(
        Format::OpenAiChat,
        Dialect::OpenAiChat,
        CHAT,
        &[(
            Role::Assistant,
            r#"{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},{"id":"d","type":"function","function":{"name":"g","arguments":"{\"b\": 2}"}},{"id":"e","type":"function","function":{"name":"h","arguments":"cut {"}}]}"#,
        )],
    );
    check(
        Format::OpenAiChat,
        Dialect::OpenAiChat,
        r#"{"role":"user","content":[{"text":"a","type":"text","x":1},"b",{"type":"image_url"}]}"#,
        &[(
            Role::User,
            r#"{"role":"user","content":[{"text":"a","type":"text","x":1},{"type":"text","text":"b"},{"type":"image_url"}]}"#,
        )],
    );
    check(
        Format::OpenAiChat,
        Dialect::OpenAiChat,
        r#"{"role":"user","content":null,"tool_calls":[{"id":"c","name":"f","arguments":{}}]}"#,
        &[(
            Role::Assistant,
            r#"{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}"#,
        )],
    );
}

#[test]
fn a_call_that_lacks_part_of_the_legal_shape_is_rebuilt() {
    let whole =
        r#"{"extra":0,"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}"#;
    let rebuilt = r#"{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}"#;
    for (call, expected) in [
        (whole.to_owned(), whole),
        (whole.replace(r#""type":"function","#, ""), rebuilt),
        (whole.replace(r#""{}""#, "{}"), rebuilt),
    ] {
        let json = format!("{{\"role\":\"assistant\",\"tool_calls\":[{call}]}}");
        let message = message(Dialect::OpenAiChat, &json);
        let blocks = render(Format::OpenAiChat, &[say(&message)]);
        assert!(blocks[0].json.ends_with(&format!("[{expected}]}}")), "{}", blocks[0].json);
    }
}

#[test]
fn what_says_nothing_gives_no_block() {
    for format in [Format::Anthropic, Format::OpenAiChat] {
        check(
            format,
            Dialect::OpenAiChat,
            r#"{"role":"assistant","content":"","reasoning":"r"}"#,
            &[],
        );
        check(format, Dialect::OpenAiChat, r#"{"role":"tool","content":"orphan"}"#, &[]);
        assert_eq!(render(format, &[Unit::Note { text: "\n".into() }]), []);
    }
}

fn result_of(format: Format, answer: Answer<'_>) -> String {
    let blocks = render(format, &[Unit::Result { call: "c", answer }]);
    assert_eq!(blocks.len(), 1);
    let role = if format == Format::Anthropic { Role::User } else { Role::Tool };
    assert_eq!(blocks[0].role, role);
    blocks[0].json.to_string()
}

#[test]
fn results_keep_their_bytes_where_they_can() {
    let given = |id: &str| {
        let block = format!(
            "{{\"tool_use_id\":\"{id}\",\"type\":\"tool_result\",\"is_error\":true,\"content\":[{{\"type\":\"text\",\"text\":\"x\"}},{{\"type\":\"image\"}}]}}"
        );
        let json = format!("{{\"role\":\"user\",\"content\":[{block}]}}");
        (block, message(Dialect::Anthropic, &json))
    };
    let (block, own) = given("c");
    assert_eq!(result_of(Format::Anthropic, Answer::Given(Cow::Borrowed(&own.parts[0]))), block);
    let note = r"x\n[1 media: not carried over from another format]";
    let (_, other) = given("other");
    assert_eq!(
        result_of(Format::Anthropic, Answer::Given(Cow::Borrowed(&other.parts[0]))),
        format!(
            "{{\"type\":\"tool_result\",\"tool_use_id\":\"c\",\"content\":\"{note}\",\"is_error\":true}}"
        )
    );
    assert_eq!(
        result_of(Format::OpenAiChat, Answer::Given(Cow::Borrowed(&own.parts[0]))),
        format!("{{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"{note}\"}}")
    );
    let list = r#"[{"type":"text","text":"x"}, {"type":"image_url"}]"#;
    let chat = message(Dialect::OpenAiChat, &format!("{{\"role\":\"tool\",\"content\":{list}}}"));
    assert_eq!(
        result_of(Format::OpenAiChat, Answer::Given(Cow::Borrowed(&chat.parts[0]))),
        format!("{{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":{list}}}")
    );
    assert_eq!(
        result_of(Format::Anthropic, Answer::Text("gone".into())),
        r#"{"type":"tool_result","tool_use_id":"c","content":"gone"}"#
    );
    assert_eq!(
        result_of(Format::OpenAiChat, Answer::Text("gone".into())),
        r#"{"role":"tool","tool_call_id":"c","content":"gone"}"#
    );
}

#[test]
fn bodies_merge_neighbours_and_lift_only_leading_instructions() {
    let block = |role, json: &str| Block { role, json: json.into() };
    let blocks = [
        block(Role::System, "0"),
        block(Role::User, "1"),
        block(Role::System, "2"),
        block(Role::Tool, "3"),
        block(Role::Assistant, "4"),
        block(Role::Assistant, "5"),
        block(Role::User, "6"),
    ];
    assert_eq!(
        body(Format::Anthropic, &blocks),
        r#"{"system":[0],"messages":[{"role":"user","content":[1,2,3]},{"role":"assistant","content":[4,5]},{"role":"user","content":[6]}]}"#
    );
    assert_eq!(
        body(Format::Anthropic, &blocks[1..2]),
        r#"{"messages":[{"role":"user","content":[1]}]}"#
    );
    assert_eq!(body(Format::Anthropic, []), r#"{"messages":[]}"#);
    assert_eq!(body(Format::OpenAiChat, &blocks[..2]), r#"{"messages":[0,1]}"#);
}

#[test]
fn opaque_takes_any_bytes() {
    let message = read_message(Dialect::Opaque, b"\xff\0{").unwrap();
    assert_eq!((message.role, &*message.label), (Role::Record, "opaque"));
    assert_eq!(message.digest, Digest::of(b"\xff\0{"));
}

const DIALECTS: [Dialect; 4] =
    [Dialect::Opaque, Dialect::Anthropic, Dialect::OpenAiChat, Dialect::ClaudeCode];

fn any_part() -> impl Strategy<Value = Part> {
    let text = "\\PC{0,8}|[ \\n\\x00\"\\\\{}]{0,4}";
    let boxed = move || text.prop_map(String::into_boxed_str);
    let kind = prop_oneof![
        boxed().prop_map(|text| PartKind::Text { text }),
        boxed().prop_map(|text| PartKind::Reasoning { text }),
        (boxed(), boxed(), prop_oneof![boxed(), Just("{\"a\":[1]}".into())])
            .prop_map(|(id, name, arguments)| PartKind::ToolCall { id, name, arguments }),
        (boxed(), boxed(), any::<bool>(), 0..3_u32).prop_map(|(call, text, is_error, media)| {
            PartKind::ToolResult { call, text, is_error, media }
        }),
        boxed().prop_map(|label| PartKind::Media { label }),
        boxed().prop_map(|label| PartKind::Opaque { label }),
    ];
    kind.prop_map(|kind| Part::new(kind, None))
}

proptest! {
    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        for dialect in DIALECTS {
            prop_assert_eq!(
                read_message(dialect, &bytes).ok(),
                read_message(dialect, &bytes).ok()
            );
        }
    }

    #[test]
    fn reading_never_panics_on_almost_messages(
        tokens in proptest::collection::vec(
            prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"role\":\"user\"", "\"role\":\"tool\"",
                "\"content\":", "\"type\":\"tool_result\"", "\"tool_calls\":", "\"x\"", "null", "\"\\ud83d\"",
            ]),
            0..24,
        )
    ) {
        let json = tokens.concat();
        for dialect in DIALECTS {
            if let Ok(message) = read_message(dialect, json.as_bytes()) {
                prop_assert_eq!(message.digest, Digest::of(json.as_bytes()));
            }
        }
    }

    #[test]
    fn rendering_is_deterministic_and_gives_json(
        parts in proptest::collection::vec(any_part(), 0..6),
        role in prop::sample::select(vec![Role::System, Role::User, Role::Assistant, Role::Tool]),
    ) {
        let units = || {
            let result = parts.iter().map(|part| Unit::Result { call: "c", answer: Answer::Given(Cow::Borrowed(part)) });
            let said = Unit::Say { role, parts: parts.iter().map(Cow::Borrowed).collect() };
            std::iter::once(said).chain(result).collect::<Vec<_>>()
        };
        for format in [Format::Anthropic, Format::OpenAiChat] {
            let blocks = render(format, &units());
            prop_assert_eq!(&blocks, &render(format, &units()));
            for block in &blocks {
                serde_json::from_str::<serde_json::Value>(&block.json).unwrap();
            }
            serde_json::from_str::<serde_json::Value>(&body(format, &blocks)).unwrap();
        }
    }
}
