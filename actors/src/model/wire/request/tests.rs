//! Requests to the byte.

use highwater_protocol::TokenCount;
use serde_json::{Map, Value, json};

use super::*;

fn endpoint(protocol: Protocol, stream: bool) -> Endpoint {
    Endpoint { stream, ..Endpoint::new(protocol, "http://127.0.0.1:1", "small") }
}

fn request(messages: Messages, parameters: Value) -> Request {
    let parameters: Map<String, Value> = serde_json::from_value(parameters).unwrap();
    Request { parameters, ..Request::of(messages, TokenCount(64)) }
}

fn prompt() -> Messages {
    let messages = vec!["one \"two\"".to_owned(), "three".to_owned()];
    Messages::Prompt(Rendered { system: "Be short.", messages })
}

fn check(protocol: Protocol, limit: &str, stream: bool, request: &Request, expected: &str) {
    let endpoint = endpoint(protocol, stream);
    assert_eq!(super::check(&endpoint, request), Ok(()));
    let sent = body(&endpoint, limit, request);
    assert_eq!(sent, expected);
    serde_json::from_str::<Value>(&sent).unwrap();
}

fn refused(protocol: Protocol, request: &Request, expected: &str) {
    let endpoint = endpoint(protocol, true);
    let why = super::check(&endpoint, request).unwrap_err();
    assert!(why.contains(expected), "{why}");
}

#[test]
fn a_prompt_becomes_messages_of_each_protocol() {
    let asked = request(prompt(), json!({"temperature": 0.5}));
    check(
        Protocol::AnthropicMessages,
        "max_tokens",
        true,
        &asked,
        r#"{"model":"small","max_tokens":64,"stream":true,"temperature":0.5,"system":"Be short.","messages":[{"role":"user","content":"one \"two\""},{"role":"user","content":"three"}]}"#,
    );
    check(
        Protocol::OpenAiChat,
        "max_completion_tokens",
        true,
        &asked,
        r#"{"model":"small","max_completion_tokens":64,"stream":true,"stream_options":{"include_usage":true},"temperature":0.5,"messages":[{"role":"system","content":"Be short."},{"role":"user","content":"one \"two\""},{"role":"user","content":"three"}]}"#,
    );
    check(
        Protocol::OpenAiChat,
        "max_tokens",
        false,
        &request(prompt(), json!({})),
        r#"{"model":"small","max_tokens":64,"stream":false,"messages":[{"role":"system","content":"Be short."},{"role":"user","content":"one \"two\""},{"role":"user","content":"three"}]}"#,
    );
    check(
        Protocol::OpenAiResponses,
        "max_output_tokens",
        false,
        &request(prompt(), json!({})),
        r#"{"model":"small","max_output_tokens":64,"stream":false,"store":false,"instructions":"Be short.","input":[{"role":"user","content":"one \"two\""},{"role":"user","content":"three"}]}"#,
    );
}

#[test]
fn a_body_stands_in_the_request_byte_for_byte() {
    // Blanks, escapes, the order of fields and numbers that no float holds: all of it would change if it were read.
    let inside = r#" "system" : [{"type":"text","text":"\u00e4\/"}],
        "messages":[{"role":"user","content":[{"z":1.0e2,"a":12345678901234567890123}]}] "#;
    let asked = request(Messages::Body(format!(" {{{inside}}}\n")), json!({}));
    let anthropic = endpoint(Protocol::AnthropicMessages, false);
    let sent = body(&anthropic, "max_tokens", &asked);
    assert_eq!(
        sent,
        format!("{{\"model\":\"small\",\"max_tokens\":64,\"stream\":false,{inside}}}")
    );
    let inside = r#""messages":[{"role":"user","content":"\ud83d\ude00 }{"}]"#;
    let asked = request(Messages::Body(format!("{{{inside}}}")), json!({}));
    let sent = body(&endpoint(Protocol::OpenAiChat, false), "max_tokens", &asked);
    assert!(sent.ends_with(&format!(",{inside}}}")), "{sent}");
}

#[test]
fn parameters_of_the_endpoint_stand_under_those_of_the_request() {
    let mut endpoint = endpoint(Protocol::OpenAiChat, false);
    endpoint.parameters =
        serde_json::from_value(json!({"reasoning_effort": "low", "temperature": 1})).unwrap();
    let sent = |asked: Value| {
        let sent = body(&endpoint, "max_tokens", &request(prompt(), asked));
        let (parameters, _) = sent.split_once(",\"messages\"").unwrap();
        parameters.split_once("\"stream\":false").unwrap().1.to_owned()
    };
    assert_eq!(sent(json!({})), r#","reasoning_effort":"low","temperature":1"#);
    assert_eq!(sent(json!({"temperature": 0})), r#","temperature":0,"reasoning_effort":"low""#);
}

#[test]
fn a_response_is_not_kept_by_the_provider_unless_somebody_says_so() {
    let mut endpoint = endpoint(Protocol::OpenAiResponses, false);
    let sent = |endpoint: &Endpoint, asked: Value| {
        let sent = body(endpoint, "max_output_tokens", &request(prompt(), asked));
        let found: Vec<_> = sent.match_indices("\"store\":").map(|(at, _)| at).collect();
        assert_eq!(found.len(), 1, "{sent}");
        sent[found[0]..].starts_with("\"store\":true")
    };
    assert!(!sent(&endpoint, json!({})));
    assert!(sent(&endpoint, json!({"store": true})));
    endpoint.parameters.insert("store".to_owned(), json!(true));
    assert!(sent(&endpoint, json!({})));
    assert!(!sent(&endpoint, json!({"store": false})));
}

#[test]
fn what_the_client_writes_is_refused_as_a_parameter() {
    for protocol in Protocol::ALL {
        for name in own(protocol) {
            refused(protocol, &request(prompt(), json!({*name: 1})), &format!("parameter {name} "));
        }
    }
}

#[test]
fn what_is_no_body_is_refused() {
    let refuse = |protocol, text: &str, expected: &str| {
        refused(protocol, &request(Messages::Body(text.to_owned()), json!({})), expected);
    };
    refuse(Protocol::OpenAiResponses, r#"{"messages":[]}"#, "no format of a session");
    refuse(Protocol::OpenAiChat, r#"{"system":[],"messages":[]}"#, "the field system");
    refuse(Protocol::AnthropicMessages, r#"{"model":"x","messages":[]}"#, "the field model");
    refuse(Protocol::AnthropicMessages, r#"{"messages":[],"messages":[]}"#, "stands there once");
    refuse(Protocol::AnthropicMessages, r#"{"system":[]}"#, "messages must");
    refuse(Protocol::AnthropicMessages, "[]", "no body of anthropic");
    refuse(Protocol::AnthropicMessages, r#"{"messages":[]} {}"#, "no body of anthropic");
}
