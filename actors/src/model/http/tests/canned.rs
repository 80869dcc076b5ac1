//! What the three providers answer, in short.

use crate::model::Protocol;

/// A stream that says "Gr\u{fc}\u{df}e, \u{1f600}!" in two parts, counts 11 and 5 tokens, and ends.
pub(super) fn stream(protocol: Protocol) -> String {
    match protocol {
        Protocol::AnthropicMessages => anthropic(&[
            r#"message_start {"type":"message_start","message":{"usage":{"input_tokens":11,"output_tokens":1}}}"#,
            r#"content_block_start {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            "ping {\"type\":\"ping\"}",
            "content_block_delta {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Gr\u{fc}\u{df}e, \"}}",
            "content_block_delta {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"\u{1f600}!\"}}",
            r#"content_block_stop {"type":"content_block_stop","index":0}"#,
            r#"message_delta {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}}"#,
            r#"message_stop {"type":"message_stop"}"#,
        ]),
        Protocol::OpenAiChat => data(&[
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
            "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Gr\u{fc}\u{df}e, \"}}]}",
            "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\u{1f600}!\"}}]}",
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":5}}"#,
            "[DONE]",
        ]),
        Protocol::OpenAiResponses => data(&[
            r#"{"type":"response.created","response":{"status":"in_progress","output":[]}}"#,
            "{\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"Gr\u{fc}\u{df}e, \"}",
            "{\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"\u{1f600}!\"}",
            &format!("{{\"type\":\"response.completed\",\"response\":{}}}", body(protocol)),
        ]),
    }
}

/// The same as a body.
pub(super) fn body(protocol: Protocol) -> String {
    let text = "\"Gr\u{fc}\u{df}e, \u{1f600}!\"";
    match protocol {
        Protocol::AnthropicMessages => format!(
            r#"{{"type":"message","role":"assistant","content":[{{"type":"text","text":{text}}}],"stop_reason":"end_turn","usage":{{"input_tokens":11,"output_tokens":5}}}}"#
        ),
        Protocol::OpenAiChat => format!(
            r#"{{"choices":[{{"index":0,"message":{{"role":"assistant","content":{text}}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":11,"completion_tokens":5}}}}"#
        ),
        Protocol::OpenAiResponses => format!(
            r#"{{"status":"completed","output":[{{"type":"message","role":"assistant","content":[{{"type":"output_text","text":{text}}}]}}],"usage":{{"input_tokens":11,"output_tokens":5}}}}"#
        ),
    }
}

/// An error that says that the provider has too much to do, as it comes within a stream.
pub(super) fn overloaded(protocol: Protocol) -> String {
    match protocol {
        Protocol::AnthropicMessages => anthropic(&[
            r#"error {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        ]),
        Protocol::OpenAiChat => data(&[r#"{"error":{"code":503,"message":"Overloaded"}}"#]),
        Protocol::OpenAiResponses => {
            data(&[r#"{"type":"error","code":"server_is_overloaded","message":"Overloaded"}"#])
        }
    }
}

/// The first events of the stream, with the first part of the text.
pub(super) fn first_part(protocol: Protocol) -> String {
    let stream = stream(protocol);
    let at = stream.find("Gr\u{fc}").expect("it begins so");
    let end = at + stream[at..].find("\n\n").expect("events end so") + 2;
    stream[..end].to_owned()
}

fn anthropic(events: &[&str]) -> String {
    let event = |event: &&str| {
        let (name, data) = event.split_once(' ').expect("a name and data");
        format!("event: {name}\ndata: {data}\n\n")
    };
    events.iter().map(event).collect()
}

fn data(events: &[&str]) -> String {
    let lines = events.iter().map(|data| format!("data: {data}\n\n"));
    format!(": a comment that keeps the connection\n\n{}", lines.collect::<String>())
}
