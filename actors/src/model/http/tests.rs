//! Clients against a scripted server over real sockets, with the runtime's time paused.

mod canned;
mod gated;
mod server;
mod unruly;

use highwater_protocol::TokenCount;
use highwater_protocol::accept::Finish;
use highwater_protocol::caps::MAX_ANSWER_BYTES;
use highwater_protocol::limit::{Amounts, Quantity};
use highwater_protocol::prompt::Rendered;
use tokio::time::Instant;

use super::*;
use crate::model::{ApiKey, Broken, Messages};
use server::{End, Server, answered, pieces, serve};

const TEXT: &str = "Gr\u{fc}\u{df}e, \u{1f600}!";
const EVENTS: &str = "content-type: text/event-stream; charset=utf-8\r\n";
const JSON: &str = "content-type: application/json\r\n";

fn asked() -> Request {
    let prompt = Rendered { system: "Be short.", messages: vec!["Say it.".to_owned()] };
    let messages = Messages::Prompt(prompt);
    Request::of(messages, TokenCount(64))
}

fn endpoint(protocol: Protocol, server: &Server) -> Endpoint {
    let mut endpoint = Endpoint::new(protocol, &server.url, "small");
    endpoint.key = Some(ApiKey::new("sk-0123456789").expect("a key"));
    endpoint
}

/// One exchange with a server that answers so, what was told of the texts, and what the server was sent.
async fn exchange(
    protocol: Protocol,
    stream: bool,
    answer: Vec<Vec<u8>>,
    end: End,
) -> (Exchange, String, String) {
    let server = serve(vec![(answer, end)]).await;
    let endpoint = Endpoint { stream, ..endpoint(protocol, &server) };
    let client = HttpClient::new(endpoint).expect("a client");
    let mut told = String::new();
    let exchange = client
        .exchange(
            &asked(),
            &mut |increment| {
                if let Increment::Text(text) = increment {
                    told += &text;
                }
            },
            &Heard::new(),
        )
        .await;
    let requests = server.requests.await.expect("the server played its script");
    (exchange, told, requests[0].clone())
}

fn failed(exchange: Exchange) -> ModelError {
    exchange.outcome.expect_err("no answer")
}

fn check_answer(exchange: &Exchange) {
    let answer = exchange.outcome.as_ref().expect("an answer");
    assert_eq!((answer.text.as_str(), answer.finish), (TEXT, Finish::Complete));
    assert_eq!(answer.usage, Some(Amounts::new(11, 5)));
    assert!(answer.message.contains(TEXT), "{}", answer.message);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_read_however_its_bytes_are_divided() {
    for protocol in Protocol::ALL {
        let unix = answered("200 OK", EVENTS, &canned::stream(protocol));
        let windows = answered("200 OK", EVENTS, &canned::stream(protocol).replace('\n', "\r\n"));
        for (bytes, size) in
            [(&unix, 1), (&unix, 7), (&windows, 1), (&windows, 64), (&unix, 1 << 20)]
        {
            let (exchange, told, request) =
                exchange(protocol, true, pieces(bytes, size), End::Close).await;
            check_answer(&exchange);
            assert_eq!(told, TEXT, "{protocol:?}, {size} bytes at once");
            assert!(request.contains("\"stream\":true"), "{request}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_is_read_and_told_as_a_whole_where_it_should_have_been_streamed() {
    for protocol in Protocol::ALL {
        let bytes = answered("200 OK", JSON, &canned::body(protocol));
        for (stream, expected) in [(false, ""), (true, TEXT)] {
            let (exchange, told, request) =
                exchange(protocol, stream, pieces(&bytes, 50), End::Close).await;
            check_answer(&exchange);
            assert_eq!(told, expected, "{protocol:?}");
            assert!(request.contains(&format!("\"stream\":{stream}")), "{request}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_within_a_stream_ends_it() {
    for protocol in Protocol::ALL {
        let events = canned::first_part(protocol) + &canned::overloaded(protocol);
        let bytes = answered("200 OK", &format!("{EVENTS}retry-after: 7\r\n"), &events);
        let (exchange, told, _) = exchange(protocol, true, vec![bytes], End::Silence).await;
        assert_eq!(told, "Gr\u{fc}\u{df}e, ");
        match failed(exchange) {
            ModelError::Overloaded { retry_after, message } => {
                assert_eq!(retry_after, Some(Duration::from_secs(7)));
                assert!(
                    message.contains("model small") && message.contains("Overloaded"),
                    "{message}"
                );
            }
            other => panic!("{protocol:?}: {other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_off_is_worth_another_try() {
    for protocol in Protocol::ALL {
        let part = canned::first_part(protocol);
        let in_a_letter = &part.as_bytes()[..=part.find("\u{fc}").expect("a letter of two bytes")];
        let mut bytes = answered("200 OK", EVENTS, "");
        bytes.extend_from_slice(in_a_letter);
        let chunked = format!(
            "HTTP/1.1 200 OK\r\n{EVENTS}transfer-encoding: chunked\r\n\r\n{:x}\r\n{part}\r\n",
            part.len()
        );
        for (bytes, end) in [
            (answered("200 OK", EVENTS, &part), End::Close),
            (bytes, End::Close),
            (chunked.into_bytes(), End::Close),
            (answered("200 OK", EVENTS, &part), End::Reset),
            (answered("200 OK", EVENTS, ""), End::Close),
            (b"HTTP/1.1 200".to_vec(), End::Close),
            (Vec::new(), End::Reset),
        ] {
            let (exchange, ..) = exchange(protocol, true, vec![bytes], end).await;
            let error = failed(exchange);
            assert!(matches!(error, ModelError::Transient { .. }), "{protocol:?}: {error:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_said_to_have_ended_is_whole_without_its_last_event() {
    let chat = canned::stream(Protocol::OpenAiChat).replace("data: [DONE]\n\n", "");
    let anthropic = canned::stream(Protocol::AnthropicMessages);
    let anthropic = anthropic.split("event: message_stop").next().expect("what is before");
    for end in [End::Close, End::Reset, End::Silence] {
        for (protocol, events) in [
            (Protocol::OpenAiChat, chat.as_str()),
            (Protocol::OpenAiChat, chat.trim_end_matches('\n')),
            (Protocol::AnthropicMessages, anthropic),
        ] {
            let bytes = answered("200 OK", EVENTS, &format!("{events}\n"));
            let (exchange, ..) = exchange(protocol, true, vec![bytes], end).await;
            let answer = exchange.outcome.as_ref().expect("an answer");
            assert_eq!((answer.text.as_str(), answer.finish), (TEXT, Finish::Complete));
            // A last event without its blank line counts as well, once it is known to be the last.
            if matches!(end, End::Close) {
                check_answer(&exchange);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_cut_anywhere_is_the_answer_or_worth_another_try() {
    for protocol in Protocol::ALL {
        let bytes = answered("200 OK", EVENTS, &canned::stream(protocol));
        for at in (1..bytes.len()).step_by(3) {
            let (exchange, ..) =
                exchange(protocol, true, vec![bytes[..at].to_vec()], End::Close).await;
            match exchange.outcome {
                Ok(answer) => {
                    assert_eq!((answer.text.as_str(), answer.finish), (TEXT, Finish::Complete));
                }
                Err(error) => {
                    assert!(matches!(error, ModelError::Transient { .. }), "{at}: {error:?}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_text_are_noticed_while_the_stream_goes_on() {
    let mut bytes = answered("200 OK", EVENTS, "");
    bytes.extend_from_slice(b"data: {\"x\":\"\xff\xfe\"}\n\n");
    let (exchange, ..) = exchange(Protocol::OpenAiChat, true, vec![bytes], End::Silence).await;
    let error = failed(exchange);
    assert!(error.to_string().contains("no UTF-8"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn silence_ends_a_call_after_the_read_timeout_and_no_time_in_all_does() {
    for protocol in Protocol::ALL {
        for answer in [Vec::new(), vec![answered("200 OK", EVENTS, &canned::first_part(protocol))]]
        {
            let began = Instant::now();
            let (exchange, ..) = exchange(protocol, true, answer, End::Silence).await;
            let error = failed(exchange);
            assert!(error.to_string().ends_with("nothing came for 300s"), "{error}");
            assert!(matches!(error, ModelError::Transient { .. }), "{error:?}");
            let took = began.elapsed().saturating_sub(Endpoint::READ_TIMEOUT);
            assert!(took < Duration::from_secs(1), "{took:?}");
        }
    }
    // Each byte comes a millisecond after the last one: all of them take longer than the timeout of 50.
    let stream = canned::stream(Protocol::OpenAiChat);
    let mut bytes = vec![answered("200 OK", EVENTS, "")];
    bytes.extend(pieces(stream.as_bytes(), 1));
    let server = serve(vec![(bytes, End::Close)]).await;
    let mut slow = endpoint(Protocol::OpenAiChat, &server);
    slow.read_timeout = Duration::from_millis(50);
    let began = Instant::now();
    let exchange = HttpClient::new(slow)
        .expect("a client")
        .exchange(&asked(), &mut |_| {}, &Heard::new())
        .await;
    check_answer(&exchange);
    assert!(began.elapsed() > Duration::from_millis(200), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_tells_its_pause_and_the_limits() {
    let limits = "date: Tue, 27 Jan 2026 12:00:00 GMT\r\nretry-after: Tue, 27 Jan 2026 12:00:20 GMT\r\n\
        anthropic-ratelimit-input-tokens-limit: 50000\r\nanthropic-ratelimit-input-tokens-remaining: 0\r\n\
        anthropic-ratelimit-input-tokens-reset: 2026-01-27T12:00:30Z\r\nx-ratelimit-limit-requests: 60\r\n";
    let said = r#"{"type":"error","error":{"type":"rate_limit_error","message":"Slower."}}"#;
    for protocol in Protocol::ALL {
        let bytes = answered("429 Too Many Requests", &format!("{JSON}{limits}"), said);
        let (exchange, ..) = exchange(protocol, true, vec![bytes], End::Close).await;
        let input = exchange.seen.of(Quantity::InputTokens);
        assert_eq!((input.limit, input.remaining), (Some(50_000), Some(0)));
        assert_eq!(input.reset, Some(Duration::from_secs(30)));
        assert_eq!(exchange.seen.of(Quantity::Requests).limit, Some(60));
        match failed(exchange) {
            ModelError::RateLimited { retry_after, message } => {
                assert_eq!(retry_after, Some(Duration::from_secs(20)));
                assert!(message.contains("answered 429: Slower."), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_tells_the_limits_too_and_the_clock_helps_where_there_is_no_date() {
    struct Noon;
    impl Clock for Noon {
        fn now(&self) -> highwater_protocol::Timestamp {
            highwater_protocol::Timestamp(1_769_515_200_000)
        }
    }
    let headers = format!("{JSON}anthropic-ratelimit-requests-reset: 2026-01-27T12:00:30Z\r\n");
    let protocol = Protocol::AnthropicMessages;
    let bytes = answered("200 OK", &headers, &canned::body(protocol));
    let server = serve(vec![(vec![bytes], End::Close)]).await;
    let client = HttpClient::new(endpoint(protocol, &server)).expect("a client").with_clock(Noon);
    let exchange = client.exchange(&asked(), &mut |_| {}, &Heard::new()).await;
    check_answer(&exchange);
    let reset = exchange.seen.of(Quantity::Requests).reset;
    assert_eq!(reset, Some(Duration::from_secs(30)));
}

#[tokio::test(start_paused = true)]
async fn an_error_in_the_body_of_a_success_is_an_error() {
    let said = r#"{"error":{"message":"no credits left","code":402}}"#;
    for protocol in Protocol::ALL {
        for stream in [false, true] {
            let bytes = answered("200 OK", JSON, said);
            let (exchange, ..) = exchange(protocol, stream, vec![bytes], End::Close).await;
            let error = failed(exchange);
            assert!(matches!(error, ModelError::Quota(_)), "{error:?}");
            assert!(error.to_string().contains("answered 402: no credits left"), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_key_goes_into_one_header_and_comes_back_in_no_error() {
    for (protocol, header) in [
        (Protocol::AnthropicMessages, "x-api-key: sk-0123456789\r\n"),
        (Protocol::OpenAiChat, "authorization: Bearer sk-0123456789\r\n"),
        (Protocol::OpenAiResponses, "authorization: Bearer sk-0123456789\r\n"),
    ] {
        let long = "x".repeat(3_000);
        for said in [
            r#"{"error":{"message":"Incorrect key: sk-0123456789."}}"#.to_owned(),
            r#"{"why":"sk-0123456789"}"#.to_owned(),
            "<html>sk-0123456789</html>".to_owned(),
            // Masked before it is cut: half a key is too much.
            format!("{}sk-0123456789{long}", "y".repeat(2_040)),
        ] {
            let bytes = answered("401 Unauthorized", "", &said);
            let (exchange, _, request) = exchange(protocol, true, vec![bytes], End::Close).await;
            assert_eq!(request.matches("sk-0123456789").count(), 1, "{request}");
            assert!(request.contains(header), "{request}");
            let error = failed(exchange);
            assert!(matches!(error, ModelError::Auth(_)), "{error:?}");
            let shown = format!("{error} {error:?}");
            assert!(shown.contains("***") && !shown.contains("sk-0"), "{shown}");
            assert!(shown.contains("check the key"), "{shown}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_public_shows_the_key() {
    let server = serve(Vec::new()).await;
    let mut endpoint = endpoint(Protocol::OpenAiChat, &server);
    endpoint.base_url += "/?key=sk-9876543210";
    endpoint.headers.insert("api-key".to_owned(), "sk-abcdefghij".to_owned());
    let client = HttpClient::new(endpoint).expect("a client");
    let shown = format!("{client:?} {:?} {:?}", client.endpoint(), client.headers());
    assert!(shown.contains("api-key") && !shown.contains("sk-"), "{shown}");
    let post = client.http.post(client.address.url.clone()).headers(client.headers());
    let shown = format!("{:?}", post.build().expect("a request").headers());
    assert!(shown.contains("Sensitive") && !shown.contains("sk-"), "{shown}");
}

#[test]
fn the_key_goes_where_azure_looks_for_it() {
    let names = |protocol, base: &str| {
        let mut endpoint = Endpoint::new(protocol, base, "small");
        endpoint.key = Some(ApiKey::new("sk-0123456789").expect("a key"));
        let headers = HttpClient::new(endpoint).expect("a client").headers();
        let carries = |name: &&str| {
            headers.get(*name).is_some_and(|value| value.as_bytes().ends_with(b"sk-0123456789"))
        };
        ["api-key", "authorization", "x-api-key"].into_iter().filter(carries).collect::<Vec<_>>()
    };
    for protocol in [Protocol::OpenAiChat, Protocol::OpenAiResponses] {
        assert_eq!(names(protocol, "http://x.openai.azure.com/openai/v1"), ["api-key"]);
        assert_eq!(names(protocol, "http://x.services.ai.azure.com/openai/v1"), ["api-key"]);
        assert_eq!(names(protocol, "http://azure.com.example"), ["authorization"]);
    }
    let anthropic = "http://x.services.ai.azure.com/anthropic";
    assert_eq!(names(Protocol::AnthropicMessages, anthropic), ["x-api-key"]);
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_not_followed() {
    let bytes = answered("307 Temporary Redirect", "location: http://127.0.0.1:1/\r\n", "");
    let (exchange, ..) = exchange(Protocol::OpenAiChat, true, vec![bytes], End::Close).await;
    let error = failed(exchange);
    assert!(matches!(error, ModelError::Refused(_)), "{error:?}");
    assert!(error.to_string().contains("redirects are not followed"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_answer_is_malformed() {
    let garbage = format!("{}data: {{\"choices\":\n\n", canned::first_part(Protocol::OpenAiChat));
    let mut no_text = answered("200 OK", JSON, "");
    no_text.push(0xff);
    let html = "content-type: text/html\r\n";
    let line = "x".repeat(MAX_ANSWER_BYTES + 1);
    for (bytes, expected) in [
        (answered("200 OK", EVENTS, &garbage), "JSON object"),
        (no_text, "no UTF-8"),
        (answered("200 OK", html, "<html>Welcome</html>"), "JSON object"),
        (answered("200 OK", EVENTS, &format!("data: {line}")), "larger than"),
        (answered("200 OK", EVENTS, &"data: x\n".repeat(MAX_ANSWER_BYTES / 8 + 9)), "larger than"),
        (answered("200 OK", JSON, &line), "larger than"),
    ] {
        let (exchange, ..) = exchange(Protocol::OpenAiChat, true, vec![bytes], End::Close).await;
        match failed(exchange) {
            ModelError::Broken { why: Broken::Malformed, message } => {
                assert!(message.contains(expected), "{message}");
            }
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_reaches_the_provider_byte_for_byte() {
    let body = "{\"messages\":[ {\"role\":\"user\",\"content\":\"Gr\u{fc}\\u00df\",\"n\":1.0e2}]}";
    let answer = answered("200 OK", JSON, &canned::body(Protocol::OpenAiChat));
    let server = serve(vec![(vec![answer], End::Close)]).await;
    let mut endpoint = endpoint(Protocol::OpenAiChat, &server);
    endpoint.base_url += "/team/v1/?version=7";
    endpoint.headers.insert("X-Team".to_owned(), "red".to_owned());
    endpoint.headers.insert("Authorization".to_owned(), "Basic b3RoZXI=".to_owned());
    let request = Request { messages: Messages::Body(body.to_owned()), ..asked() };
    let exchange = HttpClient::new(endpoint)
        .expect("a client")
        .exchange(&request, &mut |_| {}, &Heard::new())
        .await;
    check_answer(&exchange);
    let sent = server.requests.await.expect("a request").remove(0);
    assert!(sent.starts_with("POST /team/v1/chat/completions?version=7 HTTP/1.1\r\n"), "{sent}");
    assert!(sent.ends_with(&body[1..]), "{sent}");
    assert!(sent.contains("x-team: red\r\n") && sent.contains("\"max_tokens\":64"), "{sent}");
    assert!(sent.contains("authorization: Basic b3RoZXI=\r\n") && !sent.contains("sk-"), "{sent}");
}

#[tokio::test(start_paused = true)]
async fn where_nobody_listens_there_is_no_connection() {
    let server = serve(Vec::new()).await;
    let endpoint = endpoint(Protocol::OpenAiChat, &server);
    server.requests.await.expect("nothing to play");
    let client = HttpClient::new(endpoint).expect("a client");
    let exchange = client.exchange(&asked(), &mut |_| {}, &Heard::new()).await;
    let error = failed(exchange);
    assert!(matches!(error, ModelError::Transient { .. }), "{error:?}");
    assert!(error.to_string().contains("no connection: Connection refused"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn connecting_has_a_timeout_of_its_own() {
    let listener = tokio::net::TcpSocket::new_v4().expect("a socket");
    listener.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let listener = listener.listen(0).expect("a queue of one");
    let address = listener.local_addr().expect("its address");
    // Nobody accepts: the queue is full, and who comes next gets no answer.
    let _waiting = tokio::net::TcpStream::connect(address).await.expect("the first one");
    let endpoint = Endpoint::new(Protocol::OpenAiChat, format!("http://{address}"), "small");
    let client = HttpClient::new(endpoint).expect("a client");
    let began = Instant::now();
    let error = failed(client.exchange(&asked(), &mut |_| {}, &Heard::new()).await);
    assert!(error.to_string().ends_with("no connection within 10s"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(11), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_ends_its_connection() {
    let part = canned::first_part(Protocol::OpenAiChat);
    let bytes = answered("200 OK", EVENTS, &part);
    let server = serve(vec![(vec![bytes], End::Silence)]).await;
    let client = HttpClient::new(endpoint(Protocol::OpenAiChat, &server)).expect("a client");
    let mut heard = false;
    let (asked, patience) = (asked(), Duration::from_secs(1));
    let mut told = |_| heard = true;
    let heard_last = Heard::new();
    let call = client.exchange(&asked, &mut told, &heard_last);
    assert!(tokio::time::timeout(patience, call).await.is_err(), "the caller's deadline came");
    assert!(heard, "it was within the answer");
    // The server waits until its connection is closed.
    server.requests.await.expect("the connection was closed");
}

#[test]
fn an_endpoint_that_cannot_be_used_is_refused() {
    let refused = |change: fn(&mut Endpoint), expected: &str| {
        let mut endpoint = Endpoint::new(Protocol::OpenAiChat, "http://127.0.0.1:1", "small");
        change(&mut endpoint);
        let error = HttpClient::new(endpoint).expect_err("it cannot be used");
        assert_eq!(error.kind(), Kind::Invalid);
        let shown = error.to_string();
        assert!(shown.contains(expected) && !shown.contains("secret"), "{shown}");
    };
    refused(|endpoint| endpoint.model.clear(), "no name");
    refused(|endpoint| endpoint.read_timeout = Duration::ZERO, "timeout of zero");
    refused(|endpoint| endpoint.base_url.clear(), "base URL");
    refused(|endpoint| endpoint.headers = header("Content-Length", "1"), "leave it out");
    refused(
        |endpoint| set(endpoint, "messages"),
        "the parameter messages is written by the client",
    );
    refused(|endpoint| endpoint.headers = header("no name", "1"), "no legal name");
    refused(|endpoint| endpoint.headers = header("x", "secret\nsecret"), "no header can carry");
}

fn set(endpoint: &mut Endpoint, parameter: &str) {
    endpoint.parameters.insert(parameter.to_owned(), "secret".into());
}

fn header(name: &str, value: &str) -> std::collections::BTreeMap<String, String> {
    [(name.to_owned(), value.to_owned())].into()
}
