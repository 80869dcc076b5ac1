//! Servers that do not keep to what they speak: marks before a stream, junk and silence behind the end of an answer,
//! and refusals without end.

use super::*;

/// What ends the answer of a stream comes before this, and the usage behind it.
fn parts(protocol: Protocol) -> (String, String) {
    let stream = canned::stream(protocol);
    let behind = match protocol {
        Protocol::AnthropicMessages => "event: message_stop",
        Protocol::OpenAiChat => "data: {\"choices\":[],",
        Protocol::OpenAiResponses => return (stream, String::new()),
    };
    let at = stream.find(behind).expect("it is there");
    let behind = stream[at..].replace("data: [DONE]\n\n", "");
    (stream[..at].to_owned(), behind)
}

#[tokio::test(start_paused = true)]
async fn a_byte_order_mark_before_a_stream_or_a_body_is_dropped() {
    for protocol in Protocol::ALL {
        for marks in ["\u{feff}", "\u{feff}\u{feff}"] {
            let events = format!("{marks}{}", canned::stream(protocol));
            let bytes = answered("200 OK", EVENTS, &events);
            for size in [1, 2, 1 << 20] {
                let (exchange, told, _) =
                    exchange(protocol, true, pieces(&bytes, size), End::Close).await;
                check_answer(&exchange);
                assert_eq!(told, TEXT, "{protocol:?}, {size} bytes at once");
            }
        }
        let body = format!("\u{feff}{}", canned::body(protocol));
        let bytes = answered("200 OK", JSON, &body);
        let (exchange, ..) = exchange(protocol, false, vec![bytes], End::Close).await;
        check_answer(&exchange);
        // A stream of marks alone has nothing in it.
        let bytes = answered("200 OK", EVENTS, "\u{feff}");
        let (exchange, ..) = super::exchange(protocol, true, vec![bytes], End::Close).await;
        assert!(matches!(failed(exchange), ModelError::Transient { .. }), "{protocol:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_behind_the_end_of_an_answer_takes_nothing_of_it() {
    for protocol in Protocol::ALL {
        let (answer, _) = parts(protocol);
        for wrong in [
            canned::overloaded(protocol),
            "data: <html>\n\n".to_owned(),
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\"}}\n\n"
                .to_owned(),
        ] {
            let bytes = answered("200 OK", EVENTS, &format!("{answer}{wrong}"));
            let (exchange, ..) = exchange(protocol, true, vec![bytes], End::Silence).await;
            let answer = exchange.outcome.expect("an answer");
            assert_eq!((answer.text.as_str(), answer.finish), (TEXT, Finish::Complete), "{wrong}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_behind_the_end_of_an_answer_is_waited_for_shortly() {
    for protocol in Protocol::ALL {
        let (answer, usage) = parts(protocol);
        let bytes = answered("200 OK", EVENTS, &answer);
        let began = Instant::now();
        let (exchange, ..) = exchange(protocol, true, vec![bytes.clone()], End::Silence).await;
        assert_eq!(exchange.outcome.expect("an answer").text, TEXT);
        let took = began.elapsed();
        assert!(took < Duration::from_secs(3), "{protocol:?}: {took:?}");
        let began = Instant::now();
        let late = vec![bytes, usage.into_bytes()];
        let (exchange, ..) = super::exchange(protocol, true, late, End::Silence).await;
        check_answer(&exchange);
        assert!(began.elapsed() < Duration::from_secs(3), "{protocol:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_refusal_that_is_cut_within_the_key_shows_no_part_of_it() {
    const KEY: &str = "sk-0123456789";
    for blanks in (MAX_REFUSAL_BYTES - 3 * KEY.len())..=MAX_REFUSAL_BYTES {
        let body = format!("No.{}{KEY} is wrong{}", " ".repeat(blanks - 3), "!".repeat(99));
        let bytes = answered("401 Unauthorized", "", &body);
        let (exchange, ..) = exchange(Protocol::OpenAiChat, true, vec![bytes], End::Close).await;
        let shown = failed(exchange).to_string();
        assert!(shown.contains("No.") && !shown.contains("sk-"), "{blanks}: {shown}");
    }
    // Cut by the connection, and with a length that says so.
    let body = format!("content-length: 999\r\n\r\nNo. {}", &KEY[..9]);
    let bytes = format!("HTTP/1.1 401 Unauthorized\r\n{body}").into_bytes();
    let (exchange, ..) = exchange(Protocol::OpenAiChat, true, vec![bytes], End::Close).await;
    let shown = failed(exchange).to_string();
    assert!(shown.contains("answered 401") && !shown.contains("sk-"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn the_word_for_an_end_is_masked_and_bounded() {
    let long = "x".repeat(3_000);
    let body = format!(
        r#"{{"choices":[{{"message":{{"content":"So"}},"finish_reason":"sk-0123456789 {long}"}}]}}"#
    );
    let bytes = answered("200 OK", JSON, &body);
    let (exchange, ..) = exchange(Protocol::OpenAiChat, true, vec![bytes], End::Close).await;
    let answer = exchange.outcome.expect("an answer");
    assert!(answer.word.starts_with("*** xx"), "{}", answer.word);
    assert_eq!(answer.word.len(), MAX_WORD_BYTES);
}
