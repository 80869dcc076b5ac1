//! Server-sent events: what a stream consists of, before it is sent.

use serde_json::Value;

/// An event of a stream.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) bytes: Vec<u8>,
    /// Tokens that it carries, which take their time.
    pub(super) tokens: u64,
    /// Whether the stream is not at its end without it.
    pub(super) ends: bool,
}

impl Event {
    /// An event with its name, of which the data repeats the name as `type`.
    pub(super) fn named(data: &Value) -> Self {
        let name = data["type"].as_str().expect("an event has a type");
        Self::of(format!("event: {name}\ndata: {data}\n\n"))
    }

    /// Data alone.
    pub(super) fn data(data: &Value) -> Self {
        Self::of(format!("data: {data}\n\n"))
    }

    /// The mark at the end of a stream of Chat Completions.
    pub(super) fn done() -> Self {
        Self::of("data: [DONE]\n\n".to_owned())
    }

    fn of(text: String) -> Self {
        Self { bytes: text.into_bytes(), tokens: 0, ends: false }
    }

    pub(super) fn tokens(self, tokens: u64) -> Self {
        Self { tokens, ..self }
    }

    pub(super) fn ending(self) -> Self {
        Self { ends: true, ..self }
    }
}
