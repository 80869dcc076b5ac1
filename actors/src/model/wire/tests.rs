//! Answers of the three protocols, from bodies and put together from events.

mod ends;

use highwater_protocol::accept::Finish;

use super::*;
use crate::model::{Answer, ToolCall};

/// Plays events and returns what was told of them, in one line, and the answer.
fn play(protocol: Protocol, events: &[&str]) -> (String, Result<Answer, Fault>) {
    let mut said = String::new();
    let mut told = |increment: Increment| {
        let part = match increment {
            Increment::Text(text) => format!("T({text})"),
            Increment::Reasoning(text) => format!("R({text})"),
            Increment::ToolCall { index, id, name } => format!("C{index}({id} {name})"),
            Increment::Arguments { index, text } => format!("A{index}({text})"),
        };
        said.push_str(&part);
    };
    let mut assembly = assembly(protocol);
    for event in events {
        match assembly.take("message", event, &mut told) {
            Ok(Step::More) => {}
            Ok(Step::End) => break,
            Err(fault) => return (said, Err(fault)),
        }
    }
    assert!(assembly.is_whole(), "the events end with an end");
    (said, assembly.finish())
}

fn answer(text: &str, finish: Finish, usage: Option<(u64, u64)>, message: &str) -> Answer {
    Answer {
        text: text.to_owned(),
        reasoning: String::new(),
        tool_calls: Vec::new(),
        finish,
        word: String::new(),
        usage: usage.map(|(input, output)| Amounts::new(input, output)),
        message: message.to_owned(),
    }
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned() }
}

/// Plays events whose answer is as expected. A message is JSON, whatever it was put together from.
fn streams(protocol: Protocol, events: &[&str], told: &str, expected: &Answer) {
    let (said, found) = play(protocol, events);
    assert_eq!(said, told);
    let found = found.expect("an answer");
    assert_eq!(Answer { word: String::new(), ..found.clone() }, *expected);
    serde_json::from_str::<serde_json::Value>(&found.message).expect("the message is JSON");
}

fn reads(protocol: Protocol, body: &str, expected: &Answer) {
    let found = whole(protocol, body).expect("an answer");
    assert_eq!(Answer { word: String::new(), ..found }, *expected);
}

fn is_malformed(found: Result<Answer, Fault>, expected: &str) {
    match found {
        Err(Fault::Malformed(what)) => assert!(what.contains(expected), "{what}"),
        other => panic!("not malformed: {other:?}"),
    }
}

const MESSAGES: Protocol = Protocol::AnthropicMessages;
const CHAT: Protocol = Protocol::OpenAiChat;
const RESPONSES: Protocol = Protocol::OpenAiResponses;

#[test]
fn a_body_of_anthropic_keeps_the_bytes_of_its_content() {
    let content = r#"[ {"type":"thinking","thinking":"hm","signature":"c2ln"}, {"type":"redacted_thinking","data":"eA=="},
        {"type":"text","text":"One "},{"text":"two\u00e4","type":"text"},
        {"type":"tool_use","id":"t1","name":"look","input":{"z":1, "a":12345678901234567890123}}]"#;
    let body = format!(
        r#"{{"id":"m","type":"message","role":"assistant","content":{content},"stop_reason":"tool_use",
        "usage":{{"input_tokens":10,"cache_creation_input_tokens":5,"cache_read_input_tokens":900,"output_tokens":7}}}}"#
    );
    let message = format!(r#"{{"role":"assistant","content":{content}}}"#);
    let mut expected = answer("One two\u{e4}", Finish::Complete, Some((15, 7)), &message);
    expected.reasoning = "hm".to_owned();
    expected.tool_calls = vec![call("t1", "look", r#"{"z":1, "a":12345678901234567890123}"#)];
    reads(MESSAGES, &body, &expected);
}

#[test]
fn a_stream_of_anthropic_is_put_together_with_signatures_and_calls() {
    let events = [
        r#"{"type":"message_start","message":{"id":"m","content":[],"usage":{"input_tokens":25,"cache_creation_input_tokens":3,"cache_read_input_tokens":900,"output_tokens":1}}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
        r#"{"type":"ping"}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Let me "}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"see"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"eA=="}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"Hello \"you\""}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"citations_delta","citation":{"type":"char_location","n":1}}}"#,
        r#"{"type":"content_block_stop","index":2}"#,
        r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"t1","name":"look","input":{}}}"#,
        r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":""}}"#,
        r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"n\": 123456789012"}}"#,
        r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"34567890}"}}"#,
        r#"{"type":"content_block_start","index":4,"content_block":{"type":"tool_use","id":"t2","name":"list","input":{}}}"#,
        r#"{"type":"something_new","of":"tomorrow"}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":15}}"#,
        r#"{"type":"message_stop"}"#,
    ];
    let message = concat!(
        r#"{"role":"assistant","content":[{"type":"thinking","thinking":"Let me see","signature":"c2ln"},"#,
        r#"{"type":"redacted_thinking","data":"eA=="},"#,
        r#"{"type":"text","text":"Hello \"you\"","citations":[{"type":"char_location","n":1}]},"#,
        r#"{"type":"tool_use","id":"t1","name":"look","input":{"n": 12345678901234567890}},"#,
        r#"{"type":"tool_use","id":"t2","name":"list","input":{}}]}"#
    );
    let mut expected = answer("Hello \"you\"", Finish::Complete, Some((28, 15)), message);
    expected.reasoning = "Let me see".to_owned();
    expected.tool_calls =
        vec![call("t1", "look", r#"{"n": 12345678901234567890}"#), call("t2", "list", "{}")];
    let told = "R(Let me )R(see)T(Hello \"you\")C0(t1 look)A0()A0({\"n\": 123456789012)A0(34567890})C1(t2 list)";
    streams(MESSAGES, &events, told, &expected);
}

#[test]
fn a_call_that_was_cut_off_leaves_a_message_that_is_legal() {
    let begin = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t1","name":"look","input":{}}}"#;
    let part = r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"n\":"}}"#;
    let end = |reason: &str| {
        format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}"}},"usage":{{}}}}"#)
    };
    let stop = r#"{"type":"message_stop"}"#;
    let (_, found) = play(MESSAGES, &[begin, part, &end("max_tokens"), stop]);
    let found = found.expect("a truncated answer");
    assert_eq!((found.finish, found.tool_calls[0].arguments.as_str()), (Finish::Length, "{\"n\":"));
    assert!(found.message.contains(r#""input":{}"#), "{}", found.message);
    let (_, found) = play(MESSAGES, &[begin, part, &end("tool_use"), stop]);
    is_malformed(found, "no JSON");
}

#[test]
fn a_body_of_a_chat_keeps_the_bytes_of_its_message() {
    let message = r#"{ "role":"assistant","content":"One","refusal":null,"reasoning_content":"hm","tool_calls":[
        {"id":"c1","type":"function","function":{"name":"look","arguments":"{\"a\": 1}"}},
        {"id":"c2","type":"function","function":{"name":"list","arguments":{"b":2}}}]}"#;
    let body = format!(
        r#"{{"id":"x","choices":[{{"index":0,"message":{message},"finish_reason":"tool_calls"}}],
        "usage":{{"prompt_tokens":12,"completion_tokens":3,"prompt_tokens_details":{{"cached_tokens":9}}}}}}"#
    );
    let mut expected = answer("One", Finish::Complete, Some((12, 3)), message);
    expected.reasoning = "hm".to_owned();
    expected.tool_calls = vec![call("c1", "look", "{\"a\": 1}"), call("c2", "list", "{\"b\":2}")];
    reads(CHAT, &body, &expected);
    let parts = r#"{"content":[{"type":"thinking","thinking":[]},{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#;
    let body = format!(r#"{{"choices":[{{"message":{parts},"finish_reason":"length"}}]}}"#);
    reads(CHAT, &body, &answer("ab", Finish::Length, None, parts));
    let refusal = r#"{"role":"assistant","content":null,"refusal":"No."}"#;
    let body = format!(r#"{{"choices":[{{"message":{refusal},"finish_reason":"stop"}}]}}"#);
    reads(CHAT, &body, &answer("", Finish::Other, None, refusal));
}

#[test]
fn a_stream_of_a_chat_is_put_together_with_calls_by_their_index() {
    let events = [
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#,
        r#"{"choices":[{"index":0,"delta":{"reasoning":"hm"}}]}"#,
        r#"{"choices":[{"index":1,"delta":{"content":"another choice"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"One "}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"\ud83d\ude00"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"look","arguments":""},"extra_content":{"sig":"x"}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"c2","function":{"name":"list","arguments":"{"}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}},{"index":1,"function":{"arguments":"}"}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}}"#,
        "[DONE]",
    ];
    let message = concat!(
        r#"{"role":"assistant","content":"One "#,
        "\u{1f600}",
        r#"","reasoning":"hm","tool_calls":[{"id":"c1","type":"function","function":{"name":"look","arguments":"{\"a\":1}"},"extra_content":{"sig":"x"}},"#,
        r#"{"id":"c2","type":"function","function":{"name":"list","arguments":"{}"}}]}"#
    );
    let mut expected = answer("One \u{1f600}", Finish::Complete, Some((9, 4)), message);
    expected.reasoning = "hm".to_owned();
    expected.tool_calls = vec![call("c1", "look", "{\"a\":1}"), call("c2", "list", "{}")];
    let told = "R(hm)T(One )T(\u{1f600})C0(c1 look)C1(c2 list)A1({)A0({\"a\":)A1(})A0(1})";
    streams(CHAT, &events, told, &expected);
}

#[test]
fn calls_are_told_apart_where_servers_do_not_number_them() {
    let same_index = [
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"a","arguments":"{}"}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c2","function":{"name":"b","arguments":"{}"}}]}}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
    ];
    let no_index = [
        r#"{"choices":[{"delta":{"tool_calls":[{"id":"c1","function":{"name":"a","arguments":"{"}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"}"}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"id":"c2","function":{"name":"b","arguments":{}}}]}}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
    ];
    for events in [&same_index[..], &no_index[..]] {
        let (_, found) = play(CHAT, events);
        let calls = found.expect("an answer").tool_calls;
        assert_eq!(calls, [call("c1", "a", "{}"), call("c2", "b", "{}")]);
    }
}

#[test]
fn a_response_keeps_the_bytes_of_its_output_streamed_or_not() {
    let output = r#"[ {"type":"reasoning","id":"r","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"eA"},
        {"type":"message","role":"assistant","content":[{"type":"output_text","text":"One ","annotations":[]},{"type":"output_text","text":"two"}]},
        {"type":"function_call","id":"f","call_id":"c1","name":"look","arguments":"{\"a\":1}"}]"#.replace('\n', " ");
    let response = format!(
        r#"{{"id":"x","object":"response","status":"completed","error":null,"incomplete_details":null,"output":{output},
        "usage":{{"input_tokens":20,"output_tokens":6,"total_tokens":26}}}}"#
    );
    let mut expected = answer("One two", Finish::Complete, Some((20, 6)), &output);
    expected.reasoning = "hm".to_owned();
    expected.tool_calls = vec![call("c1", "look", "{\"a\":1}")];
    reads(RESPONSES, &response, &expected);
    let completed = format!(r#"{{"type":"response.completed","response":{response}}}"#);
    let events = [
        r#"{"type":"response.created","response":{"status":"in_progress","output":[],"error":null}}"#,
        r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"delta":"hm"}"#,
        r#"{"type":"response.output_text.delta","output_index":1,"delta":"One "}"#,
        r#"{"type":"response.output_text.delta","output_index":1,"delta":"two"}"#,
        r#"{"type":"response.output_item.added","output_index":2,"item":{"type":"function_call","id":"f","call_id":"c1","name":"look","arguments":""}}"#,
        r#"{"type":"response.function_call_arguments.delta","item_id":"f","output_index":2,"delta":"{\"a\":1}"}"#,
        r#"{"type":"response.function_call_arguments.done","output_index":2,"arguments":"{\"a\":1}"}"#,
        &completed,
    ];
    streams(RESPONSES, &events, "R(hm)T(One )T(two)C0(c1 look)A0({\"a\":1})", &expected);
}

#[test]
fn an_empty_output_at_the_end_is_made_of_the_items_before_it() {
    let item = r#"{"type":"message","content":[{"type":"output_text","text":"One"}]}"#;
    let done = format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{item}}}"#);
    let end = r#"{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[]}}"#;
    let expected = answer("One", Finish::Length, None, &format!("[{item}]"));
    streams(RESPONSES, &[&done, end], "", &expected);
}

#[test]
fn endings_are_those_that_the_protocols_name() {
    let anthropic = |reason: &str| format!(r#"{{"content":[],"stop_reason":"{reason}"}}"#);
    let chat =
        |reason: &str| format!(r#"{{"choices":[{{"message":{{}},"finish_reason":"{reason}"}}]}}"#);
    let response = |reason: &str| {
        format!(
            r#"{{"status":"incomplete","incomplete_details":{{"reason":"{reason}"}},"output":[]}}"#
        )
    };
    for (protocol, body, expected) in [
        (MESSAGES, anthropic("end_turn"), Finish::Complete),
        (MESSAGES, anthropic("stop_sequence"), Finish::Complete),
        (MESSAGES, anthropic("max_tokens"), Finish::Length),
        (MESSAGES, anthropic("model_context_window_exceeded"), Finish::Length),
        (MESSAGES, anthropic("refusal"), Finish::Other),
        (MESSAGES, anthropic("pause_turn"), Finish::Other),
        (MESSAGES, r#"{"content":[],"stop_reason":null}"#.to_owned(), Finish::Other),
        (CHAT, chat("stop"), Finish::Complete),
        (CHAT, chat("length"), Finish::Length),
        (CHAT, chat("content_filter"), Finish::Other),
        (RESPONSES, response("max_output_tokens"), Finish::Length),
        (RESPONSES, response("content_filter"), Finish::Other),
        (RESPONSES, r#"{"status":"cancelled","output":[]}"#.to_owned(), Finish::Other),
        (RESPONSES, r#"{"status":"completed","output":[{"type":"message","content":[{"type":"refusal","refusal":"No."}]}]}"#.to_owned(), Finish::Other),
    ] {
        assert_eq!(whole(protocol, &body).expect("an answer").finish, expected, "{body}");
    }
}

#[test]
fn counts_that_no_call_can_have_are_not_believed() {
    for usage in [
        "null",
        "7",
        "{}",
        r#"{"prompt_tokens":-1,"completion_tokens":2}"#,
        r#"{"prompt_tokens":1.5,"completion_tokens":2}"#,
        r#"{"prompt_tokens":1}"#,
        r#"{"prompt_tokens":18446744073709551615,"completion_tokens":2}"#,
        r#"{"prompt_tokens":99999999999999999999999,"completion_tokens":2}"#,
    ] {
        let body =
            format!(r#"{{"choices":[{{"message":{{}},"finish_reason":"stop"}}],"usage":{usage}}}"#);
        assert_eq!(whole(CHAT, &body).expect("an answer").usage, None, "{usage}");
    }
    let body = r#"{"content":[],"usage":{"input_tokens":18446744073709551615,"cache_creation_input_tokens":9,"output_tokens":1}}"#;
    assert_eq!(whole(MESSAGES, body).expect("an answer").usage, None);
}

#[test]
fn another_shape_is_malformed() {
    for protocol in Protocol::ALL {
        for body in
            ["", "<html>", "[]", "{", "null", "{}", r#"{"content":1,"choices":[{}],"output":{}}"#]
        {
            is_malformed(whole(protocol, body), "");
        }
        for event in ["<html>", "[1]", r#"{"type":"#] {
            is_malformed(play(protocol, &[event]).1, "JSON object");
        }
    }
    let stray =
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}"#;
    is_malformed(play(MESSAGES, &[stray]).1, "has not begun");
}

#[test]
fn an_answer_is_bounded_in_bytes_and_in_parts() {
    let text = "x".repeat(1 << 20);
    let piece = format!(r#"{{"choices":[{{"delta":{{"content":"{text}"}}}}]}}"#);
    is_malformed(play(CHAT, &vec![piece.as_str(); 17]).1, "larger than");
    let block = r#"{"type":"content_block_start","content_block":{"type":"text","text":""}}"#;
    is_malformed(play(MESSAGES, &vec![block; MAX_PARTS + 1]).1, "parts");
}

#[test]
fn errors_within_an_answer_are_what_the_provider_said() {
    for (protocol, body, expected) in [
        (
            MESSAGES,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            Refusal::Overloaded,
        ),
        (CHAT, r#"{"error":{"code":429,"message":"slower"},"choices":[]}"#, Refusal::RateLimited),
        (CHAT, r#"{"error":"it broke"}"#, Refusal::Transient),
        (
            RESPONSES,
            r#"{"type":"error","code":"insufficient_quota","message":"no"}"#,
            Refusal::Quota,
        ),
        (
            RESPONSES,
            r#"{"type":"error","error":{"type":"insufficient_quota","message":"no"}}"#,
            Refusal::Quota,
        ),
        (
            RESPONSES,
            r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"no"}}}"#,
            Refusal::Transient,
        ),
        (
            RESPONSES,
            r#"{"type":"response.failed","response":{"error":{"code":"invalid_prompt","message":"no"}}}"#,
            Refusal::Refused,
        ),
        (RESPONSES, r#"{"type":"response.failed"}"#, Refusal::Transient),
    ] {
        match play(protocol, &[body]).1 {
            Err(Fault::Said(said)) => assert_eq!(said.means(said.status(200)), expected, "{body}"),
            other => panic!("{body}: {other:?}"),
        }
    }
    let failed =
        r#"{"status":"failed","error":{"code":"rate_limit_exceeded","message":"no"},"output":[]}"#;
    match whole(RESPONSES, failed) {
        Err(Fault::Said(said)) => assert_eq!(said.means(None), Refusal::RateLimited),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_that_came_as_a_whole_is_told_as_well() {
    let mut told = Vec::new();
    let mut whole = answer("text", Finish::Complete, None, "{}");
    whole.reasoning = "hm".to_owned();
    whole.tool_calls = vec![call("c", "look", "{}")];
    tell(&whole, &mut |increment| told.push(increment));
    let expected = [
        Increment::Reasoning("hm".to_owned()),
        Increment::Text("text".to_owned()),
        Increment::ToolCall { index: 0, id: "c".to_owned(), name: "look".to_owned() },
        Increment::Arguments { index: 0, text: "{}".to_owned() },
    ];
    assert_eq!(told, expected);
}
