//! What a model is asked.

use highwater_protocol::prompt::Rendered;
use highwater_protocol::{TokenCount, tokens};
use serde_json::{Map, Value};

/// What a model is asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// What it is shown.
    pub messages: Messages,
    /// The most that it may answer, in its own tokens.
    pub max_output: TokenCount,
    /// How many tokens it is shown, where that is known: [`Context::tokens`](highwater_protocol::Context) of an
    /// answered context. Without it, the text is estimated.
    pub input: Option<TokenCount>,
    /// Tokens of what it is shown that the provider has cached and does not limit, as far as is known.
    pub cached: TokenCount,
    /// Other parameters of the provider's request, at its top level: `tools`, `temperature`, .. They are sent as they
    /// are, in the place of those of the endpoint. What the client writes itself (`model`, `messages`, `stream`, the
    /// limit of the answer, ..) is refused here.
    pub parameters: Map<String, Value>,
}

impl Request {
    /// What a model is shown, and the most that it may answer; nothing else.
    pub fn of(messages: Messages, max_output: TokenCount) -> Self {
        let cached = TokenCount::default();
        Self { messages, max_output, input: None, cached, parameters: Map::new() }
    }

    /// How many tokens it is shown, known or estimated.
    pub fn estimate(&self) -> TokenCount {
        self.input.unwrap_or_else(|| match &self.messages {
            Messages::Prompt(prompt) => prompt.tokens(),
            Messages::Body(body) => tokens::estimate(body),
        })
    }
}

/// What a model is shown.
#[derive(Clone, Debug)]
pub enum Messages {
    /// Instructions and texts of a user: what a summarizer sends.
    Prompt(Rendered),
    /// The body of an answered context in the format of the client's protocol, sent byte for byte, so that a provider's
    /// cache of the prefix stays good (P1).
    Body(String),
}
