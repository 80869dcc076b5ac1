//! The shapes of the three protocols, streamed and not, and what is wrong with a request.

use serde_json::{Value, json};

use super::client::{Answer, Client, once, request};
use crate::provider::{Limits, Protocol, Provider, Reason, Rules, Said};

/// Reasoning, text and a tool.
async fn everything() -> Provider {
    let said = Said {
        reasoning: "Let me think.".to_owned(),
        text: "The caf\u{e9} is open.".to_owned(),
        tools: vec![("look".to_owned(), r#"{"at":"door"}"#.to_owned())],
    };
    let text = Rules::says(move |_| said.clone());
    Provider::start(Rules { text, count: |_| 7, ..Rules::default() }).await
}

fn names(answer: &Answer) -> Vec<String> {
    answer.events().into_iter().map(|(name, _)| name).collect()
}

/// The texts at a place in the events' data, joined.
fn joined(answer: &Answer, place: &str) -> String {
    let events = answer.events();
    let texts = events.iter().filter_map(|(_, data)| data.pointer(place)?.as_str());
    texts.collect()
}

#[tokio::test(start_paused = true)]
async fn anthropic_answers_in_a_message_or_in_its_events() {
    let provider = everything().await;
    let whole = once(&provider, Protocol::AnthropicMessages, false).await.json();
    assert_eq!(whole["type"], "message");
    assert_eq!(whole["content"][0]["thinking"], "Let me think.");
    assert_eq!(whole["content"][1], json!({"type": "text", "text": "The caf\u{e9} is open."}));
    assert_eq!(whole["content"][2]["input"], json!({"at": "door"}));
    assert_eq!(whole["stop_reason"], "tool_use");
    assert_eq!(
        (&whole["usage"]["input_tokens"], &whole["usage"]["output_tokens"]),
        (&json!(7), &json!(13))
    );
    let stream = once(&provider, Protocol::AnthropicMessages, true).await;
    assert!(stream.whole);
    assert_eq!(stream.header("content-type"), Some("text/event-stream; charset=utf-8"));
    let block = |deltas: usize| {
        let deltas = std::iter::repeat_n("content_block_delta", deltas);
        std::iter::once("content_block_start").chain(deltas).chain(["content_block_stop"])
    };
    let blocks = block(2).chain(block(1)).chain(block(1));
    let expected: Vec<&str> = ["message_start", "ping"]
        .into_iter()
        .chain(blocks)
        .chain(["message_delta", "message_stop"])
        .collect();
    assert_eq!(names(&stream), expected);
    assert_eq!(joined(&stream, "/delta/thinking"), "Let me think.");
    assert_eq!(joined(&stream, "/delta/text"), "The caf\u{e9} is open.");
    assert_eq!(joined(&stream, "/delta/partial_json"), r#"{"at":"door"}"#);
    let events = stream.events();
    assert_eq!(events[0].1["message"]["usage"]["input_tokens"], 7);
    assert_eq!(events[expected.len() - 2].1["usage"], json!({"output_tokens": 13}));
}

#[tokio::test(start_paused = true)]
async fn chat_completions_answers_in_a_completion_or_in_chunks() {
    let provider = everything().await;
    let whole = once(&provider, Protocol::OpenAiChat, false).await.json();
    let message = &whole["choices"][0]["message"];
    assert_eq!(whole["object"], "chat.completion");
    assert_eq!(
        (&message["content"], &message["reasoning_content"]),
        (&json!("The caf\u{e9} is open."), &json!("Let me think."))
    );
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], r#"{"at":"door"}"#);
    assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(whole["usage"]["total_tokens"], 20);
    let stream = once(&provider, Protocol::OpenAiChat, true).await;
    assert_eq!(joined(&stream, "/choices/0/delta/content"), "The caf\u{e9} is open.");
    assert_eq!(joined(&stream, "/choices/0/delta/reasoning_content"), "Let me think.");
    let arguments = "/choices/0/delta/tool_calls/0/function/arguments";
    assert_eq!(joined(&stream, arguments), r#"{"at":"door"}"#);
    assert_eq!(joined(&stream, "/choices/0/finish_reason"), "tool_calls");
    let events = stream.events();
    let [.., usage, done] = events.as_slice() else { panic!("there are events") };
    assert_eq!(
        (&usage.1["choices"], &usage.1["usage"]["completion_tokens"]),
        (&json!([]), &json!(13))
    );
    assert_eq!(done.1, "[DONE]");
    assert!(events.iter().all(|(name, _)| name.is_empty()), "chunks have no names");
    let mut body = request(Protocol::OpenAiChat, 100, true);
    body["stream_options"] = Value::Null;
    let bare = Client::new(&provider).await.call(Protocol::OpenAiChat, &body).await;
    assert!(bare.events().iter().all(|(_, data)| data.get("usage").is_none()), "usage unasked");
}

#[tokio::test(start_paused = true)]
async fn responses_answers_in_a_response_or_in_numbered_events() {
    let provider = everything().await;
    let whole = once(&provider, Protocol::OpenAiResponses, false).await.json();
    assert_eq!((&whole["object"], &whole["status"]), (&json!("response"), &json!("completed")));
    assert_eq!(whole["output"][0]["summary"][0]["text"], "Let me think.");
    assert_eq!(whole["output"][1]["content"][0]["text"], "The caf\u{e9} is open.");
    assert_eq!(whole["output"][2]["arguments"], r#"{"at":"door"}"#);
    assert_eq!(whole["usage"]["total_tokens"], 20);
    let stream = once(&provider, Protocol::OpenAiResponses, true).await;
    let events = stream.events();
    assert_eq!(events[0].0, "response.created");
    for (at, (name, data)) in events.iter().enumerate() {
        assert_eq!((&data["sequence_number"], &data["type"]), (&json!(at), &json!(name)));
    }
    let of = |kind: &str| -> String {
        let deltas = events.iter().filter(|(name, _)| name == kind);
        deltas.filter_map(|(_, data)| data["delta"].as_str()).collect()
    };
    assert_eq!(of("response.reasoning_summary_text.delta"), "Let me think.");
    assert_eq!(of("response.output_text.delta"), "The caf\u{e9} is open.");
    assert_eq!(of("response.function_call_arguments.delta"), r#"{"at":"door"}"#);
    let last = events.last().expect("there are events");
    assert_eq!(last.0, "response.completed");
    assert_eq!(last.1["response"]["output"][1], {
        let mut item = whole["output"][1].clone();
        item["id"] = json!("msg_00000000000000000000000201");
        item
    });
}

#[tokio::test(start_paused = true)]
async fn an_answer_ends_at_the_most_tokens_that_were_asked_for() {
    let provider =
        Provider::start(Rules { text: Rules::says(|_| "abcd".repeat(50)), ..Rules::default() })
            .await;
    for (max, text, reasons) in [
        (49, 196, ["max_tokens", "length", "incomplete"]),
        (50, 200, ["end_turn", "stop", "completed"]),
    ] {
        for (protocol, reason) in Protocol::ALL.into_iter().zip(reasons) {
            let mut client = Client::new(&provider).await;
            let whole = client.call(protocol, &request(protocol, max, false)).await.json();
            let (said, told) = match protocol {
                Protocol::AnthropicMessages => ("/content/0/text", "/stop_reason"),
                Protocol::OpenAiChat => ("/choices/0/message/content", "/choices/0/finish_reason"),
                Protocol::OpenAiResponses => ("/output/0/content/0/text", "/status"),
            };
            let said = whole.pointer(said).and_then(Value::as_str).map(str::len);
            assert_eq!(
                (said, whole.pointer(told)),
                (Some(text), Some(&json!(reason))),
                "{protocol:?}"
            );
            let stream = client.call(protocol, &request(protocol, max, true)).await;
            assert!(stream.text().contains(reason), "{protocol:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_a_request_is_told_and_the_connection_is_kept() {
    let provider = Provider::start(Rules { context_window: Some(1_000), ..Rules::default() }).await;
    let mut client = Client::new(&provider).await;
    let full = |field: &str, value: Value| {
        let mut body = request(Protocol::AnthropicMessages, 20, false);
        body[field] = value;
        body
    };
    for (protocol, body, message) in [
        (Protocol::AnthropicMessages, json!({}), "model: Field required"),
        (Protocol::AnthropicMessages, full("messages", json!([])), "messages: Field required"),
        (
            Protocol::AnthropicMessages,
            full("max_tokens", Value::Null),
            "max_tokens: Field required",
        ),
        (Protocol::AnthropicMessages, full("max_tokens", json!(0)), "max_tokens: must be greater"),
        (Protocol::AnthropicMessages, full("max_tokens", json!(999)), "exceed context limit"),
        (
            Protocol::AnthropicMessages,
            full("system", json!("word ".repeat(2_000))),
            "prompt is too long: 2",
        ),
        (Protocol::OpenAiChat, json!({"model": "m"}), "messages: Field required"),
        (Protocol::OpenAiChat, full("max_tokens", json!(999)), "maximum context length is 1000"),
        (Protocol::OpenAiResponses, json!({"model": "m", "input": ""}), "input: Field required"),
        (Protocol::OpenAiResponses, json!([]), "model: Field required"),
    ] {
        let answer = client.call(protocol, &body).await;
        assert_eq!(answer.status, 400, "{message}");
        assert!(answer.text().contains(message), "{}", answer.text());
    }
    let tally = provider.tally();
    assert_eq!((tally.refused()[&Reason::TooLong], tally.refused()[&Reason::Malformed]), (3, 7));
    assert_eq!((tally.connections, tally.most_in_flight), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn other_paths_methods_and_bytes_are_refused() {
    let rules = Rules { max_request_bytes: 100, limits: Limits::none(), ..Rules::default() };
    let provider = Provider::start(rules).await;
    for (request, status) in [
        ("GET /v1/models HTTP/1.1\r\n\r\n", 404),
        ("GET /v1/messages HTTP/1.1\r\n\r\n", 405),
        ("POST /v1/messages HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}", 400),
        (
            "POST /gateway/v1/messages?beta=true HTTP/1.1\r\nanthropic-version: x\r\ncontent-length: 3\r\n\r\n{]}",
            400,
        ),
        ("POST /v1/messages HTTP/1.1\r\ncontent-length: 101\r\n\r\n", 413),
        ("POST /v1/messages HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", 411),
        ("POST /v1/messages HTTP/1.1\r\ncontent-length: many\r\n\r\n", 400),
        ("nonsense\r\n\r\n", 400),
    ] {
        let mut client = Client::new(&provider).await;
        client.send(request.as_bytes()).await;
        assert_eq!(client.answer().await.status, status, "{request}");
    }
    let mut client = Client::new(&provider).await;
    client.send(b"GET / HTTP/1.1\r\nlong: ").await;
    client.send("x".repeat(40_000).as_bytes()).await;
    assert_eq!(client.answer().await.status, 431);
}
