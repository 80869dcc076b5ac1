//! `OpenAI`'s Chat Completions, as `OpenAI` and the many servers that follow it speak them: the message of a body as it
//! came, and the pieces of a stream put together. Only the first choice counts.

use std::borrow::Cow;

use highwater_protocol::accept::Finish;
use highwater_protocol::format::json::{self, Fields, quoted};
use highwater_protocol::limit::Amounts;

use super::calls::{self, Calls};
use super::{
    Answer, Assemble, Ended, Fault, Held, Increment, Said, Step, Told, amounts, error_in,
    malformed, object,
};

/// What servers call the reasoning of a message.
const REASONING: [&str; 2] = ["reasoning_content", "reasoning"];

/// The answer in a body.
pub(super) fn whole(fields: &Fields<'_>) -> Result<Answer, Fault> {
    let choices = fields.list("choices").unwrap_or_default();
    let Some(choice) = choices.first() else {
        return malformed("the answer has no choice");
    };
    let choice = object(choice)?;
    let reason = choice.text("finish_reason");
    if let Some(error) = choice_error(&choice) {
        return Err(error);
    }
    let Some(raw) = choice.raw("message") else {
        return malformed("the answer's choice has no message");
    };
    let message = object(raw)?;
    let refuses = message.text("refusal").is_some_and(|refusal| !refusal.is_empty());
    let Ended { finish, word } = match reason {
        _ if refuses => Ended::refused(),
        Some(reason) => Ended::by(&reason)?,
        None => Ended::unsaid(),
    };
    Ok(Answer {
        text: message.raw("content").map(text_of).unwrap_or_default(),
        reasoning: reasoning_of(&message).map(|(_, text)| text.into_owned()).unwrap_or_default(),
        tool_calls: calls::whole(&message)?,
        finish,
        word,
        usage: usage(fields),
        message: raw.to_owned(),
    })
}

/// The error that a choice reports: `OpenRouter` writes one there when the provider behind it failed within the answer.
fn choice_error(choice: &Fields<'_>) -> Option<Fault> {
    choice.raw("error").map(|raw| Fault::Said(Said::of_error(raw)))
}

/// The text of a content: one text, or a list of parts of which some have one.
fn text_of(raw: &str) -> String {
    if let Some(text) = json::decode(raw) {
        return text.into_owned();
    }
    let parts = json::list(raw).unwrap_or_default();
    let parts = parts.into_iter().filter_map(|part| Fields::parse(part).ok());
    parts.filter_map(|part| part.text("text").map(Cow::into_owned)).collect()
}

fn reasoning_of<'a>(message: &Fields<'a>) -> Option<(&'static str, Cow<'a, str>)> {
    let found = REASONING.into_iter().filter_map(|name| Some((name, message.text(name)?)));
    found.into_iter().find(|(_, text)| !text.is_empty())
}

fn usage(fields: &Fields<'_>) -> Option<Amounts> {
    let usage = fields.object("usage")?;
    amounts(usage.number("prompt_tokens"), usage.number("completion_tokens"))
}

/// An answer that is streamed.
#[derive(Debug, Default)]
pub(super) struct Stream {
    text: String,
    reasoning: String,
    /// What the server calls the reasoning.
    reasoning_name: Option<&'static str>,
    refusal: String,
    calls: Calls,
    usage: Option<Amounts>,
    ended: Option<Ended>,
    held: Held,
}

impl Assemble for Stream {
    fn take(&mut self, _name: &str, data: &str, told: Told<'_>) -> Result<Step, Fault> {
        if data.trim() == "[DONE]" {
            // Who says that this was all, and wrote something, has ended it.
            if !self.text.is_empty() || !self.calls.is_empty() || !self.refusal.is_empty() {
                let done = || Ended { finish: Finish::Complete, word: String::new() };
                self.ended.get_or_insert_with(done);
            }
            return Ok(Step::End);
        }
        let chunk = object(data)?;
        if let Some(error) = error_in(&chunk, data) {
            return Err(error);
        }
        self.usage = usage(&chunk).or(self.usage);
        for choice in chunk.list("choices").unwrap_or_default() {
            let choice = object(choice)?;
            if choice.number("index").unwrap_or(0) != 0 {
                continue;
            }
            if let Some(error) = choice_error(&choice) {
                return Err(error);
            }
            if let Some(delta) = choice.object("delta") {
                self.grow(&delta, told)?;
            }
            let reason = choice.text("finish_reason");
            // Some write the word instead of the value.
            if let Some(reason) = reason.filter(|reason| !matches!(&**reason, "" | "null")) {
                self.ended = Some(Ended::by(&reason)?);
            }
        }
        Ok(Step::More)
    }

    fn is_whole(&self) -> bool {
        self.ended.is_some()
    }

    fn finish(self: Box<Self>) -> Result<Answer, Fault> {
        let message = self.message();
        let refuses = !self.refusal.is_empty();
        let ended = if refuses { Some(Ended::refused()) } else { self.ended };
        let Ended { finish, word } = ended.unwrap_or_else(Ended::unsaid);
        Ok(Answer {
            text: self.text,
            reasoning: self.reasoning,
            tool_calls: self.calls.into_calls(),
            finish,
            word,
            usage: self.usage,
            message,
        })
    }
}

impl Stream {
    fn grow(&mut self, delta: &Fields<'_>, told: Told<'_>) -> Result<(), Fault> {
        if let Some((name, text)) = reasoning_of(delta) {
            self.held.push(&text, &mut self.reasoning)?;
            self.reasoning_name.get_or_insert(name);
            told(Increment::Reasoning(text.into_owned()));
        }
        let text = delta.raw("content").map(text_of).unwrap_or_default();
        if !text.is_empty() {
            self.held.push(&text, &mut self.text)?;
            told(Increment::Text(text));
        }
        if let Some(refusal) = delta.text("refusal") {
            self.held.push(&refusal, &mut self.refusal)?;
        }
        for piece in delta.list("tool_calls").unwrap_or_default() {
            self.calls.take(&object(piece)?, &mut self.held, told)?;
        }
        Ok(())
    }

    /// The message as it would stand in a body.
    fn message(&self) -> String {
        let content = match self.text.as_str() {
            "" => "null".to_owned(),
            text => quoted(text),
        };
        let mut message = format!("{{\"role\":\"assistant\",\"content\":{content}");
        let mut add = |name: &str, raw: &str| {
            message.extend([",\"", name, "\":", raw]);
        };
        if let Some(name) = self.reasoning_name {
            add(name, &quoted(&self.reasoning));
        }
        if !self.refusal.is_empty() {
            add("refusal", &quoted(&self.refusal));
        }
        if let Some(calls) = self.calls.to_json() {
            add("tool_calls", &calls);
        }
        message.push('}');
        message
    }
}
