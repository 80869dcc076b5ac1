//! Answers that models and the gateways before them give, and what becomes of them.

use super::*;

fn check(text: &str, finish: Finish, expected: Result<&str, Rejected>) {
    assert_eq!(accept(text, finish, TokenCount(1_000)), expected, "{text:?}");
}

fn rejected(why: Rejected, texts: &[&str]) {
    for text in texts {
        check(text, Finish::Complete, Err(why));
    }
}

#[test]
fn a_summary_is_taken_without_the_blanks_around_it() {
    check("\n ## Goals\nShip it. \n", Finish::Complete, Ok("## Goals\nShip it."));
    let met = format!("Error: 429 was met, then {}", "it went on. ".repeat(100));
    check(&met, Finish::Complete, Ok(met.trim()));
    for text in [
        "## Errors met\nError: 429 Too Many Requests, mended by waiting.",
        "429 files were moved.",
        "The user cannot sign in. I can't reproduce it.",
        "[1] is the first footnote.",
        "{\"goals\": [\"ship\"], \"next\": \"test\"}",
        "Sorry state of the build: three tests fail.",
    ] {
        check(text, Finish::Complete, Ok(text));
    }
}

#[test]
fn an_empty_answer_is_rejected_however_it_ended() {
    for finish in [Finish::Complete, Finish::Length, Finish::Other] {
        check(" \n\t", finish, Err(Rejected::Empty));
    }
}

#[test]
fn an_answer_that_did_not_end_by_itself_is_rejected() {
    check("## Goals\nShip", Finish::Length, Err(Rejected::Truncated));
    check("## Goals\nShip", Finish::Other, Err(Rejected::Broken));
}

#[test]
fn reasoning_is_taken_off_and_alone_is_rejected() {
    check("<think>hm</think>\nShip it.", Finish::Complete, Ok("Ship it."));
    check("<think>a</think><reasoning>b</reasoning> Ship.", Finish::Complete, Ok("Ship."));
    check("well, let me see\n</think>\n\nShip it.", Finish::Complete, Ok("Ship it."));
    check("The tag </think> broke it.", Finish::Complete, Ok("The tag </think> broke it."));
    let quoted = "It printed\n<think>\nhm\n</think>\nand stopped.";
    check(quoted, Finish::Complete, Ok(quoted));
    let nothing = ["<think>hm</think>", "<thinking>never ends", "hm\n</think>\n"];
    rejected(Rejected::ReasoningOnly, &nothing);
}

#[test]
fn errors_and_refusals_are_rejected() {
    rejected(
        Rejected::ErrorText,
        &[
            "{\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}",
            "{\"type\":\"error\",\"message\":\"x\"}",
            "```json\n{\"error\": \"no\"}\n```",
            "Error: 429",
            "Error 503: try later",
            "429 Too Many Requests",
            "HTTP/1.1 502 Bad Gateway",
            "503: service unavailable",
            "Rate limit exceeded, retry in 3 s",
            "<!DOCTYPE html><html><body>upstream</body></html>",
            "I'm sorry, I can't help with that.",
            "I\u{2019}m sorry, but I can\u{2019}t do that.",
            "I cannot summarize this conversation.",
            "As an AI language model, ..",
        ],
    );
}

#[test]
fn a_call_of_a_tool_is_rejected() {
    rejected(
        Rejected::ToolCall,
        &[
            "<tool_call>{\"name\": \"ls\"}</tool_call>",
            "[TOOL_CALLS][{\"name\":\"ls\"}]",
            "<|tool_calls_section_begin|>",
            "{\"name\": \"ls\", \"arguments\": {}}",
            "```json\n[{\"type\": \"tool_use\", \"id\": \"t\"}]\n```",
            "{\"tool_calls\": []}",
        ],
    );
}

#[test]
fn an_answer_over_its_cap_is_rejected_with_both_sizes() {
    let long = "word ".repeat(1_000);
    let over = Rejected::OverCap { found: TokenCount(1_001), cap: TokenCount(1_000) };
    check(&long, Finish::Complete, Err(over));
    check(&long[5..], Finish::Complete, Ok(long[5..].trim()));
    assert_eq!(over.to_string(), "the answer has 1001 tokens, the cap is 1000 tokens");
}
