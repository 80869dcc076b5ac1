//! The three protocols without HTTP: what a request's bytes are, how an answer is put together from a body or from the
//! events of a stream, and what a refusal means. Pure, so that all of it is tested by tables.

mod anthropic;
mod calls;
mod chat;
mod ended;
mod refusal;
mod request;
mod responses;
#[cfg(test)]
mod tests;

use highwater_protocol::caps::{MAX_ANSWER_BYTES, MAX_PARTS};
use highwater_protocol::format::json::Fields;
use highwater_protocol::limit::Amounts;

use super::{Answer, Increment, Protocol};

use ended::Ended;
pub(super) use refusal::{Refusal, Said};
pub(super) use request::{body, check, check_parameters};

/// Whom an answer is told as it comes.
pub(super) type Told<'a> = &'a mut (dyn FnMut(Increment) + Send);

/// Why what came from a provider is no answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is not what the protocol says.
    Malformed(String),
    /// The provider says that it failed.
    Said(Said),
}

/// What an event meant for the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More is to come.
    More,
    /// It was the last one.
    End,
}

/// Puts an answer together from the events of a stream.
pub(super) trait Assemble: Send {
    /// Takes the next event: its name, and its data. Events of unknown kinds are passed over, as the protocols ask for.
    fn take(&mut self, name: &str, data: &str, told: Told<'_>) -> Result<Step, Fault>;

    /// Whether the provider has said how the answer ended. If so, nothing is lost when the rest of the stream is.
    fn is_whole(&self) -> bool;

    /// The answer.
    fn finish(self: Box<Self>) -> Result<Answer, Fault>;
}

/// An answer of which nothing came yet.
pub(super) fn assembly(protocol: Protocol) -> Box<dyn Assemble> {
    match protocol {
        Protocol::AnthropicMessages => Box::<anthropic::Stream>::default(),
        Protocol::OpenAiChat => Box::<chat::Stream>::default(),
        Protocol::OpenAiResponses => Box::<responses::Stream>::default(),
    }
}

/// The answer in a body that came as a whole.
pub(super) fn whole(protocol: Protocol, body: &str) -> Result<Answer, Fault> {
    let fields = object(body)?;
    if let Some(error) = error_in(&fields, body) {
        return Err(error);
    }
    match protocol {
        Protocol::AnthropicMessages => anthropic::whole(&fields),
        Protocol::OpenAiChat => chat::whole(&fields),
        Protocol::OpenAiResponses => responses::whole(&fields),
    }
}

/// Tells an answer that came as a whole.
pub(super) fn tell(answer: &Answer, told: Told<'_>) {
    if !answer.reasoning.is_empty() {
        told(Increment::Reasoning(answer.reasoning.clone()));
    }
    if !answer.text.is_empty() {
        told(Increment::Text(answer.text.clone()));
    }
    for (index, call) in answer.tool_calls.iter().enumerate() {
        told(Increment::ToolCall { index, id: call.id.clone(), name: call.name.clone() });
        told(Increment::Arguments { index, text: call.arguments.clone() });
    }
}

fn object(json: &str) -> Result<Fields<'_>, Fault> {
    let malformed =
        |error| Fault::Malformed(format!("what should be a JSON object is none: {error}"));
    Fields::parse(json).map_err(malformed)
}

/// The error that an object reports in its field `error`, or that it is itself, whatever its status was.
fn error_in(fields: &Fields<'_>, json: &str) -> Option<Fault> {
    if let Some(raw) = fields.raw("error") {
        return Some(Fault::Said(Said::of_error(raw)));
    }
    let is_error = fields.text("object").as_deref() == Some("error");
    is_error.then(|| Fault::Said(Said::of_fields(fields, json)))
}

fn malformed<T>(what: &str) -> Result<T, Fault> {
    Err(Fault::Malformed(what.to_owned()))
}

/// What a usage object counts. Counts that no call can reach are not believed, so that they become no debt at the gate;
/// without both counts, whoever asked keeps its estimate.
fn amounts(input: Option<u64>, output: Option<u64>) -> Option<Amounts> {
    let believed = |count: &u64| u32::try_from(*count).is_ok();
    Some(Amounts::new(input.filter(believed)?, output.filter(believed)?))
}

/// The bytes of an answer that are held.
#[derive(Debug, Default)]
struct Held(usize);

impl Held {
    /// Takes a text to what it belongs to.
    fn push(&mut self, text: &str, to: &mut String) -> Result<(), Fault> {
        self.count(text.len())?;
        to.push_str(text);
        Ok(())
    }

    fn count(&mut self, bytes: usize) -> Result<(), Fault> {
        self.0 += bytes;
        if self.0 > MAX_ANSWER_BYTES {
            return malformed(&format!("the answer is larger than {MAX_ANSWER_BYTES} bytes"));
        }
        Ok(())
    }
}

/// Refuses one part more than an entry may have.
fn room_for_one(parts: usize) -> Result<(), Fault> {
    if parts >= MAX_PARTS {
        return malformed(&format!("the answer has more than {MAX_PARTS} parts"));
    }
    Ok(())
}
