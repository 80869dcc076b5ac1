//! Base URLs as people write them, and what of them is told.

use super::*;
use crate::model::ApiKey;

fn check(protocol: Protocol, base: &str, expected: &str) {
    let endpoint = Endpoint::new(protocol, base, "small");
    match Address::of(&endpoint) {
        Ok(address) => assert_eq!(address.url.as_str(), expected, "{base}"),
        Err(error) => assert!(error.to_string().contains(expected), "{base}: {error}"),
    }
}

#[test]
fn every_way_to_write_a_base_url_leads_to_one_path() {
    use Protocol::{
        AnthropicMessages as Messages, OpenAiChat as Chat, OpenAiResponses as Responses,
    };
    for base in [
        "https://api.anthropic.com",
        "https://api.anthropic.com/",
        "https://api.anthropic.com/v1",
        "https://api.anthropic.com/v1/",
        "https://api.anthropic.com/v1/messages",
        " https://api.anthropic.com//",
    ] {
        check(Messages, base, "https://api.anthropic.com/v1/messages");
    }
    check(Chat, "http://127.0.0.1:11434", "http://127.0.0.1:11434/v1/chat/completions");
    check(Chat, "http://[::1]:8080/v1", "http://[::1]:8080/v1/chat/completions");
    check(Chat, "https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1/chat/completions");
    check(Chat, "https://x.example/api/paas/v4/", "https://x.example/api/paas/v4/chat/completions");
    check(
        Chat,
        "https://x.example/v1beta/openai/chat/completions",
        "https://x.example/v1beta/openai/chat/completions",
    );
    check(
        Chat,
        "https://x.example/openai/chat/completions?api-version=1",
        "https://x.example/openai/chat/completions?api-version=1",
    );
    check(
        Messages,
        "https://x.example/team/anthropic",
        "https://x.example/team/anthropic/v1/messages",
    );
    check(Messages, "https://x.example/vault", "https://x.example/vault/v1/messages");
    check(Responses, "https://api.openai.com/v1?a=b#c", "https://api.openai.com/v1/responses?a=b");
}

#[test]
fn what_is_no_base_url_is_refused_without_being_told() {
    let chat = Protocol::OpenAiChat;
    check(chat, "api.openai.com/v1", "cannot be read");
    check(chat, "ftp://x.example", "begin with http");
    check(chat, "https://", "cannot be read");
    check(chat, "https://name:secret@x.example", "a name or a password");
    check(chat, "https://x.example/v1/messages", "of the protocol anthropic");
    let endpoint = Endpoint::new(chat, "https://x.example:secret/?key=secret", "small");
    let error = Address::of(&endpoint).err().expect("no port");
    assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
}

#[test]
fn the_limit_of_the_answer_is_called_as_the_host_wants_it() {
    let name = |protocol, base: &str, limit| {
        let address = Address::of(&Endpoint::new(protocol, base, "small")).unwrap();
        address.output_limit(protocol, limit)
    };
    let (chat, by_host) = (Protocol::OpenAiChat, OutputLimit::ByHost);
    assert_eq!(name(chat, "https://api.openai.com/v1", by_host), "max_completion_tokens");
    assert_eq!(name(chat, "https://eu.api.openai.com/v1", by_host), "max_completion_tokens");
    for host in [
        "openai.azure.com",
        "cognitiveservices.azure.com",
        "services.ai.azure.com",
        "openai.azure.us",
    ] {
        let base = format!("https://x.{host}/openai/v1");
        assert_eq!(name(chat, &base, by_host), "max_completion_tokens", "{base}");
    }
    assert_eq!(name(chat, "https://openai.azure.com.example", by_host), "max_tokens");
    assert_eq!(name(chat, "https://notapi.openai.com.example", by_host), "max_tokens");
    assert_eq!(name(chat, "http://localhost:1234", by_host), "max_tokens");
    assert_eq!(
        name(chat, "http://localhost:1234", OutputLimit::MaxCompletionTokens),
        "max_completion_tokens"
    );
    assert_eq!(name(chat, "https://api.openai.com", OutputLimit::MaxTokens), "max_tokens");
    assert_eq!(name(Protocol::AnthropicMessages, "https://x.example", by_host), "max_tokens");
    assert_eq!(name(Protocol::OpenAiResponses, "https://x.example", by_host), "max_output_tokens");
}

#[test]
fn the_host_of_a_base_url_says_whether_it_is_loopback() {
    let is_loopback = |base: &str| {
        Address::of(&Endpoint::new(Protocol::OpenAiChat, base, "small")).unwrap().is_loopback()
    };
    for base in ["http://127.0.0.1:1", "http://[::1]:1", "http://a.localhost"] {
        assert!(is_loopback(base), "{base}");
    }
    for base in ["http://10.0.0.1", "http://[fe80::1]", "http://localhost.example"] {
        assert!(!is_loopback(base), "{base}");
    }
}

#[test]
fn every_secret_of_an_endpoint_is_masked() {
    let mut endpoint = Endpoint::new(
        Protocol::OpenAiChat,
        "https://x.example/?api_key=in%20query&v=2024-10-21",
        "small",
    );
    endpoint.key = Some(ApiKey::new("sk-a\"b/c").unwrap());
    let headers = [
        ("Authorization", "Bearer in-a-header"),
        ("x-key-version", "1"),
        ("anthropic-version", "2023-06-01"),
    ];
    endpoint.headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let address = Address::of(&endpoint).unwrap();
    let text =
        "sk-a\"b/c sk-a\\\"b\\/c in-a-header in%20query in query 2023-06-01 2024-10-21 Bearer";
    assert_eq!(
        address.says(text),
        "x.example, model small: *** *** *** *** *** 2023-06-01 2024-10-21 Bearer"
    );
}
