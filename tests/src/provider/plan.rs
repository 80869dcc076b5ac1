//! How an answer goes over the wire: its parts and their times, and what a fault does to them.

use std::time::Duration;

use serde_json::Value;

use super::anthropic;
use super::asked::{Asked, Protocol};
use super::events::Event;
use super::openai_chat;
use super::openai_responses;
use super::refusal::Words;
use super::reply::Reply;
use super::script::Fault;

/// Bytes that are sent together, after a wait.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) before: Duration,
    pub(super) bytes: Vec<u8>,
    /// Tokens of the answer in it.
    pub(super) tokens: u64,
    ends: bool,
}

/// What comes after the parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The answer is over, as far as HTTP knows.
    Whole,
    /// The connection is closed.
    Disconnect,
    /// Nothing, for ever.
    Stall,
}

/// How an answer goes over the wire.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) streamed: bool,
    pub(super) parts: Vec<Part>,
    /// What is told as the length of a body that is not streamed.
    pub(super) length: usize,
    pub(super) ending: Ending,
    /// Whether the connection is closed after the answer, though nothing told that it would be.
    pub(super) closes: bool,
}

impl Plan {
    /// An answer, well.
    pub(super) fn new(asked: &Asked, reply: &Reply, first: Duration, per_token: Duration) -> Self {
        let events = match (asked.protocol, asked.stream) {
            (Protocol::AnthropicMessages, true) => anthropic::events(reply),
            (Protocol::OpenAiChat, true) => openai_chat::events(reply),
            (Protocol::OpenAiResponses, true) => openai_responses::events(reply),
            (Protocol::AnthropicMessages, false) => body(&anthropic::whole(reply), reply),
            (Protocol::OpenAiChat, false) => body(&openai_chat::whole(reply), reply),
            (Protocol::OpenAiResponses, false) => body(&openai_responses::whole(reply), reply),
        };
        let mut parts: Vec<Part> = events
            .into_iter()
            .map(|Event { bytes, tokens, ends }| {
                let tokens_32 = u32::try_from(tokens).unwrap_or(u32::MAX);
                Part { before: per_token.saturating_mul(tokens_32), bytes, tokens, ends }
            })
            .collect();
        parts[0].before += first;
        let length = parts.iter().map(|part| part.bytes.len()).sum();
        Self { streamed: asked.stream, parts, length, ending: Ending::Whole, closes: false }
    }

    /// The same with what a fault does to it.
    pub(super) fn with(mut self, fault: &Fault, asked: &Asked) -> Self {
        match fault {
            Fault::DisconnectAt(percent) => {
                self.keep(*percent);
                self.ending = Ending::Disconnect;
            }
            Fault::StallAt(percent) => {
                self.keep(*percent);
                self.ending = Ending::Stall;
            }
            Fault::ErrorEventAt(percent, refusal) => {
                self.keep(*percent);
                self.push_error(&Words::of(*refusal, asked.protocol), asked.protocol);
            }
            Fault::CutInCharacter => self.cut(|bytes| bytes.iter().position(|byte| *byte >= 0x80)),
            Fault::CutInLine => {
                self.cut(|bytes| bytes.windows(4).position(|some| some == b"caf\xc3"));
            }
            Fault::NoEnd if self.streamed => self.parts.retain(|part| !part.ends),
            Fault::NoEnd => {
                self.keep(50);
                self.length = self.parts.iter().map(|part| part.bytes.len()).sum();
            }
            Fault::Dribble(bytes, apart) => self.dribble(*bytes, *apart),
            Fault::CloseAfter => self.closes = true,
            _ => {}
        }
        self
    }

    /// Keeps so many percent of the bytes; of a stream, up to the end of an event.
    fn keep(&mut self, percent: u64) {
        let total: usize = self.parts.iter().map(|part| part.bytes.len()).sum();
        let mut left = total * usize::try_from(percent.min(100)).expect("at most 100") / 100;
        let mut kept = Vec::new();
        for mut part in std::mem::take(&mut self.parts) {
            if left == 0 {
                break;
            }
            if !self.streamed {
                part.bytes.truncate(left);
            }
            left = left.saturating_sub(part.bytes.len());
            kept.push(part);
        }
        self.parts = kept;
    }

    /// Ends the body behind the first byte that is found.
    fn cut(&mut self, find: impl Fn(&[u8]) -> Option<usize>) {
        let found =
            self.parts.iter().enumerate().find_map(|(at, part)| Some((at, find(&part.bytes)?)));
        let (part, byte) = found.expect("the text has the word that is cut");
        self.parts.truncate(part + 1);
        self.parts[part].bytes.truncate(byte + 1);
        self.length = self.parts.iter().map(|part| part.bytes.len()).sum();
    }

    fn push_error(&mut self, words: &Words, protocol: Protocol) {
        let event = match protocol {
            Protocol::AnthropicMessages => Event::named(&words.body(protocol, "req_in_stream")),
            Protocol::OpenAiChat => Event::data(&words.body(protocol, "")),
            Protocol::OpenAiResponses => Event::named(&words.event(self.parts.len() as u64)),
        };
        self.parts.push(Part { before: Duration::ZERO, bytes: event.bytes, tokens: 0, ends: true });
    }

    fn dribble(&mut self, size: usize, apart: Duration) {
        let mut drops = Vec::new();
        for part in std::mem::take(&mut self.parts) {
            for (at, bytes) in part.bytes.chunks(size.max(1)).enumerate() {
                let (before, tokens) =
                    if at == 0 { (part.before, part.tokens) } else { (Duration::ZERO, 0) };
                let before = before + apart;
                drops.push(Part { before, bytes: bytes.to_vec(), tokens, ends: part.ends });
            }
        }
        self.parts = drops;
    }
}

/// A body that is not streamed: one part, after the time of all its tokens.
fn body(whole: &Value, reply: &Reply) -> Vec<Event> {
    vec![Event { bytes: whole.to_string().into_bytes(), tokens: reply.tokens(), ends: true }]
}
