//! How answers end, and errors that stand where an end should.

use super::*;

/// Plays events, and returns what is said to be wrong.
fn said(protocol: Protocol, event: &str) -> Said {
    match play(protocol, &[event]).1 {
        Err(Fault::Said(said)) => said,
        other => panic!("{event}: {other:?}"),
    }
}

#[test]
fn a_choice_may_report_an_error_in_the_place_of_its_end() {
    let error = r#""error":{"code":502,"message":"the provider behind it broke"}"#;
    let limited = r#""error":{"code":"429","message":"slower"}"#;
    for (rest, expected) in [
        (error, Refusal::Transient),
        (limited, Refusal::RateLimited),
        ("\"x\":1", Refusal::Transient),
    ] {
        let chunk = format!(
            r#"{{"choices":[{{"index":0,"delta":{{"content":""}},"finish_reason":"error",{rest}}}]}}"#
        );
        let found = said(CHAT, &chunk);
        assert_eq!(found.means(found.status(200)), expected, "{chunk}");
        let body = format!(
            r#"{{"choices":[{{"index":0,"message":{{"content":"So"}},"finish_reason":"error",{rest}}}]}}"#
        );
        match whole(CHAT, &body) {
            Err(Fault::Said(found)) => assert_eq!(found.means(found.status(200)), expected),
            other => panic!("{body}: {other:?}"),
        }
    }
    assert_eq!(said(CHAT, &format!(r#"{{"choices":[{{{error}}}]}}"#)).status(200), Some(502));
}

#[test]
fn an_object_that_is_itself_an_error_is_one_in_streams_and_bodies() {
    let error = r#"{"object":"error","message":"slower","type":"TooManyRequests","code":429}"#;
    for protocol in Protocol::ALL {
        let found = said(protocol, error);
        assert_eq!(found.means(found.status(200)), Refusal::RateLimited);
        assert_eq!(found.words(str::to_owned), "slower");
        match whole(protocol, error) {
            Err(Fault::Said(also)) => assert_eq!(also, found),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn each_protocol_keeps_the_word_for_the_end() {
    let stop = r#"{"type":"message_stop"}"#;
    let paused = r#"{"type":"message_delta","delta":{"stop_reason":"pause_turn"}}"#;
    let filtered = r#"{"choices":[{"delta":{"content":"So"},"finish_reason":"CONTENT_FILTER"}]}"#;
    let incomplete = r#"{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"content_filter"},"output":[]}}"#;
    let refused = r#"{"choices":[{"delta":{"refusal":"No."},"finish_reason":"stop"}]}"#;
    let unsaid = r#"{"type":"response.completed","response":{"output":[]}}"#;
    let stopped = r#"{"choices":[{"delta":{"content":"So"},"finish_reason":"STOP"}]}"#;
    for (protocol, events, expected) in [
        (MESSAGES, &[paused, stop][..], (Finish::Other, "pause_turn")),
        (MESSAGES, &[stop], (Finish::Other, "")),
        (CHAT, &[filtered], (Finish::Other, "CONTENT_FILTER")),
        (CHAT, &[refused], (Finish::Other, "refusal")),
        (CHAT, &[stopped], (Finish::Complete, "STOP")),
        (RESPONSES, &[incomplete], (Finish::Other, "content_filter")),
        (RESPONSES, &[unsaid], (Finish::Complete, "completed")),
    ] {
        let found = play(protocol, events).1.expect("an answer");
        assert_eq!((found.finish, found.word.as_str()), expected, "{events:?}");
    }
}

#[test]
fn a_stream_that_says_that_this_was_all_has_ended_if_there_is_something() {
    let text = r#"{"choices":[{"delta":{"content":"So."}}]}"#;
    let found = play(CHAT, &[text, "[DONE]"]).1.expect("an answer");
    assert_eq!((found.text.as_str(), found.finish), ("So.", Finish::Complete));
    let mut nothing = assembly(CHAT);
    let begun = r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#;
    assert_eq!(nothing.take("message", begun, &mut |_| {}).expect("no fault"), Step::More);
    assert_eq!(nothing.take("message", "[DONE]", &mut |_| {}).expect("no fault"), Step::End);
    assert!(!nothing.is_whole(), "nothing came");
}
