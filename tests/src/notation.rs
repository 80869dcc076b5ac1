//! Transcripts as text: one entry a line, blank lines left out. The first letter says what an entry is, the first word is
//! its id. See [`entries`] for the whole notation.

use std::sync::Arc;

use highwater_protocol::{Entry, EntryId, Format};
use serde_json::{Value, json};

/// Reads a transcript as Anthropic messages.
///
/// A bare letter gets the entry's number in this text as its id's rest, so that `u` on the third line is `u3`. A message
/// id stands behind an `@`. `~N` at the end of a text stands for N words more, to give it a size.
///
/// ```text
/// s: Be brief.                  the host's instructions
/// u1: Where is the ferry? ~40   the user, forty words more than that
/// t1@m1: Ask the harbour.       reasoning of the model, signed
/// a1@m1: I look it up.          text of the model, the same message as t1
/// a2@m1 call c1 ls, c2 cat      two calls in one entry
/// a3 call c3 ls: Once more.     text, then a call
/// r c1: at pier two             a result, in the user's role
/// r c2: no such file + Go on.   a result with the user's own words behind it
/// x: progress                   a record that no model sees
/// ```
pub fn entries(text: &str) -> Vec<Arc<Entry>> {
    entries_in(Format::Anthropic, text)
}

/// Reads a transcript as messages of a format. As `OpenAI` chat messages, message ids are left out and results with words
/// are refused, since that format cannot say either.
pub fn entries_in(format: Format, text: &str) -> Vec<Arc<Entry>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.enumerate().map(|(index, line)| Arc::new(entry(format, line, index + 1))).collect()
}

/// One line, taken apart.
struct Line<'a> {
    kind: char,
    id: String,
    message_id: Option<&'a str>,
    /// What stands between the id and the colon.
    middle: &'a str,
    text: Option<String>,
}

fn entry(format: Format, line: &str, number: usize) -> Entry {
    let line = parse(line, number);
    let id = EntryId::parse(&line.id).expect("the notation's ids are legal");
    if line.kind == 'x' {
        let text = line.text.unwrap_or_default();
        return Entry::opaque(id, text.as_bytes().into()).expect("a small record");
    }
    let message = match format {
        Format::Anthropic => anthropic(&line),
        Format::OpenAiChat => openai(&line),
    };
    Entry::from_json(id, format, &message.to_string()).expect("the notation makes legal messages")
}

fn parse(line: &str, number: usize) -> Line<'_> {
    let (head, text) = match line.split_once(':') {
        Some((head, text)) => (head, Some(grown(text.trim()))),
        None => (line, None),
    };
    let (name, middle) = head.split_once(' ').unwrap_or((head, ""));
    let (name, message_id) = match name.split_once('@') {
        Some((name, message_id)) => (name, Some(message_id)),
        None => (name, None),
    };
    let kind = name.chars().next().expect("a line begins with an id");
    let id = if name.len() == 1 { format!("{name}{number}") } else { name.to_owned() };
    Line { kind, id, message_id, middle: middle.trim(), text }
}

/// A text with the words that its `~N` stands for.
fn grown(text: &str) -> String {
    let Some((words, count)) = text.rsplit_once('~') else {
        return text.to_owned();
    };
    match count.trim().parse::<usize>() {
        Ok(count) => format!("{}{}", words.trim_end(), " word".repeat(count)),
        Err(_) => text.to_owned(),
    }
}

/// The ids and tools of `call c1 ls, c2 cat`.
fn calls<'a>(line: &'a Line<'_>) -> Vec<(&'a str, &'a str)> {
    let Some(list) = line.middle.strip_prefix("call ") else {
        assert!(line.middle.is_empty(), "{}: expected `call`, found {:?}", line.id, line.middle);
        return Vec::new();
    };
    list.split(',')
        .map(|call| call.trim().split_once(' ').expect("a call has an id and a tool"))
        .collect()
}

/// A result's text and the words behind it.
fn result_and_words<'a>(line: &'a Line<'_>) -> (&'a str, Option<&'a str>) {
    let text = line.text.as_deref().expect("a result has a text");
    match text.split_once(" + ") {
        Some((result, words)) => (result, Some(words)),
        None => (text, None),
    }
}

fn anthropic(line: &Line<'_>) -> Value {
    let said = |text: &str| json!({"type": "text", "text": text});
    let (role, content) = match line.kind {
        's' => ("system", line.text.as_deref().map(said).into_iter().collect()),
        'u' => ("user", line.text.as_deref().map(said).into_iter().collect()),
        't' => {
            let text = line.text.as_deref().unwrap_or_default();
            (
                "assistant",
                vec![json!({"type": "thinking", "thinking": text, "signature": "signed"})],
            )
        }
        'a' => {
            let mut content: Vec<Value> = line.text.as_deref().map(said).into_iter().collect();
            content.extend(calls(line).into_iter().map(
                |(id, name)| json!({"type": "tool_use", "id": id, "name": name, "input": {}}),
            ));
            ("assistant", content)
        }
        'r' => {
            let (result, words) = result_and_words(line);
            let result =
                json!({"type": "tool_result", "tool_use_id": line.middle, "content": result});
            ("user", std::iter::once(result).chain(words.map(said)).collect())
        }
        other => panic!("{}: nothing begins with {other:?}", line.id),
    };
    let mut message = json!({"role": role, "content": content});
    if let Some(id) = line.message_id {
        message["id"] = id.into();
    }
    message
}

fn openai(line: &Line<'_>) -> Value {
    let text = line.text.as_deref();
    match line.kind {
        's' => json!({"role": "system", "content": text}),
        'u' => json!({"role": "user", "content": text}),
        't' => json!({"role": "assistant", "reasoning": text}),
        'a' => {
            let mut message = json!({"role": "assistant", "content": text});
            let calls: Vec<Value> = calls(line)
                .into_iter()
                .map(|(id, name)| {
                    let function = json!({"name": name, "arguments": "{}"});
                    json!({"id": id, "type": "function", "function": function})
                })
                .collect();
            if !calls.is_empty() {
                message["tool_calls"] = calls.into();
            }
            message
        }
        'r' => {
            let (result, words) = result_and_words(line);
            assert!(words.is_none(), "{}: a chat result has no words beside it", line.id);
            json!({"role": "tool", "tool_call_id": line.middle, "content": result})
        }
        other => panic!("{}: nothing begins with {other:?}", line.id),
    }
}
