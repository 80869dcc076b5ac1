//! Whether what a model answered is a summary (V12): a pure check of its text, how it ended, and its cap.

#[cfg(test)]
mod tests;

use std::fmt;

use serde_json::Value;

use crate::tokens::{self, TokenCount};

/// How a model's answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Finish {
    /// The model said that it was done.
    Complete,
    /// The answer was cut off at the most tokens that were asked for.
    Length,
    /// Anything else: a filter, a call of a tool, a broken stream.
    Other,
}

/// Why an answer is not accepted as a summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rejected {
    /// There is no text in it.
    Empty,
    /// It was cut off.
    Truncated,
    /// It did not end as an answer ends.
    Broken,
    /// There is nothing in it but reasoning.
    ReasoningOnly,
    /// It is the text of an error or of a refusal.
    ErrorText,
    /// It calls a tool.
    ToolCall,
    /// It is larger than it may be.
    OverCap {
        /// Its size.
        found: TokenCount,
        /// The most that it may take.
        cap: TokenCount,
    },
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the answer is empty"),
            Self::Truncated => f.write_str("the answer was cut off"),
            Self::Broken => f.write_str("the answer did not end as an answer ends"),
            Self::ReasoningOnly => f.write_str("the answer is reasoning and nothing else"),
            Self::ErrorText => f.write_str("the answer is the text of an error or a refusal"),
            Self::ToolCall => f.write_str("the answer calls a tool"),
            Self::OverCap { found, cap } => write!(f, "the answer has {found}, the cap is {cap}"),
        }
    }
}

/// The longest text that is taken for an error or a refusal by how it begins: a summary that begins with an error that
/// was met goes on for longer.
const ERROR_BYTES: usize = 1_000;

const REASONING: [&str; 4] = ["think", "thinking", "reasoning", "thought"];

/// The summary in an answer: its text without blanks around it and without the reasoning that some models write before
/// it between tags, or before a closing tag alone on its line. Reasoning that never ends is no summary.
pub fn accept(text: &str, finish: Finish, cap: TokenCount) -> Result<&str, Rejected> {
    let text = text.trim();
    match finish {
        _ if text.is_empty() => return Err(Rejected::Empty),
        Finish::Length => return Err(Rejected::Truncated),
        Finish::Other => return Err(Rejected::Broken),
        Finish::Complete => {}
    }
    let summary = behind_reasoning(text);
    if summary.is_empty() {
        return Err(Rejected::ReasoningOnly);
    }
    if is_tool_call(summary) {
        return Err(Rejected::ToolCall);
    }
    if is_error(summary) {
        return Err(Rejected::ErrorText);
    }
    let found = tokens::estimate(summary);
    if found > cap {
        return Err(Rejected::OverCap { found, cap });
    }
    Ok(summary)
}

fn behind_reasoning(text: &str) -> &str {
    let mut rest = text;
    while let Some(behind) = REASONING.iter().find_map(|tag| behind_block(rest, tag)) {
        rest = behind.trim_start();
    }
    // Templates that open the tag themselves leave an answer that only closes it.
    let closes = |line: &str| REASONING.iter().any(|tag| line.trim() == format!("</{tag}>"));
    let opens = |text: &str| REASONING.iter().any(|tag| text.contains(&format!("<{tag}>")));
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        at += line.len();
        if closes(line) && !opens(&rest[..at]) {
            return rest[at..].trim_start();
        }
    }
    rest
}

/// What is behind the block that the text begins with; nothing if the block never ends.
fn behind_block<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    let inside = text.strip_prefix('<')?.strip_prefix(tag)?.strip_prefix('>')?;
    let closing = format!("</{tag}>");
    Some(inside.find(&closing).map_or("", |at| &inside[at + closing.len()..]))
}

fn is_tool_call(text: &str) -> bool {
    const OPENINGS: [&str; 6] =
        ["<tool_call", "<function_call", "<invoke", "<tool_use", "<|tool", "[TOOL_CALLS]"];
    if OPENINGS.iter().any(|opening| text.starts_with(opening)) {
        return true;
    }
    let calls = |value: &Value| {
        let has = |key: &str| value.get(key).is_some();
        let given = ["arguments", "parameters", "input"].into_iter().any(has);
        has("tool_calls")
            || has("function_call")
            || value["type"] == "tool_use"
            || (has("name") && given)
    };
    match json_in(text) {
        Some(Value::Array(items)) => items.iter().any(calls),
        Some(value) => calls(&value),
        None => false,
    }
}

fn is_error(text: &str) -> bool {
    if let Some(value) = json_in(text) {
        return value.get("error").is_some() || value["type"] == "error";
    }
    let start = text[..text.floor_char_boundary(200)].to_lowercase().replace('\u{2019}', "'");
    if ["<!doctype html", "<html"].iter().any(|page| start.starts_with(page)) {
        return true;
    }
    text.len() <= ERROR_BYTES && (begins_with_error(&start) || begins_with_refusal(&start))
}

/// The JSON that a text consists of, with or without a code fence around it.
fn json_in(text: &str) -> Option<Value> {
    let inside = text.strip_prefix("```").and_then(|text| text.strip_suffix("```"));
    let inside = inside.map_or(text, |text| text.strip_prefix("json").unwrap_or(text)).trim();
    inside.starts_with(['{', '[']).then(|| serde_json::from_str(inside).ok()).flatten()
}

fn begins_with_error(start: &str) -> bool {
    const WORDS: [&str; 10] = [
        "error:",
        "error ",
        "api error",
        "http error",
        "internal server error",
        "too many requests",
        "service unavailable",
        "bad gateway",
        "upstream connect error",
        "rate limit",
    ];
    let unprefixed =
        start.strip_prefix("http/1.1 ").or(start.strip_prefix("http ")).unwrap_or(start);
    let status = unprefixed.split_once(|letter: char| !letter.is_ascii_digit());
    let failed = status.is_some_and(|(number, behind)| {
        number.len() == 3
            && number.starts_with(['4', '5'])
            && WORDS.iter().any(|word| behind.trim_start().starts_with(word))
    });
    failed || WORDS.iter().any(|word| start.starts_with(word))
}

fn begins_with_refusal(start: &str) -> bool {
    const REFUSALS: [&str; 7] = [
        "i can't ",
        "i cannot ",
        "i can not ",
        "i'm unable to ",
        "i am unable to ",
        "i'm not able to ",
        "as an ai ",
    ];
    let sorry = ["i'm sorry, ", "i am sorry, ", "sorry, ", "i apologize, ", "unfortunately, "];
    let rest = sorry.iter().find_map(|sorry| start.strip_prefix(sorry)).unwrap_or(start);
    let rest = rest.strip_prefix("but ").unwrap_or(rest);
    REFUSALS.iter().any(|refusal| rest.starts_with(refusal))
}
