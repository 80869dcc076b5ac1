//! A request as the provider understands it, whichever of the three protocols it came in.

use std::time::Duration;

use serde_json::Value;

use super::http::Request;

/// The protocols that are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// Anthropic Messages, `POST /v1/messages`.
    AnthropicMessages,
    /// `OpenAI` Chat Completions, `POST /v1/chat/completions`.
    OpenAiChat,
    /// `OpenAI` Responses, `POST /v1/responses`.
    OpenAiResponses,
}

impl Protocol {
    /// The path of its calls. Anything may stand before it, as behind a gateway.
    pub fn path(self) -> &'static str {
        match self {
            Self::AnthropicMessages => "/v1/messages",
            Self::OpenAiChat => "/v1/chat/completions",
            Self::OpenAiResponses => "/v1/responses",
        }
    }

    /// All of them.
    pub const ALL: [Self; 3] = [Self::AnthropicMessages, Self::OpenAiChat, Self::OpenAiResponses];

    pub(super) fn of_path(path: &str) -> Option<Self> {
        let path = path.split('?').next().unwrap_or_default();
        Self::ALL.into_iter().find(|protocol| path.ends_with(protocol.path()))
    }

    /// The credential of a request: `x-api-key` or a bearer token at Anthropic, a bearer token elsewhere.
    pub(super) fn key(self, request: &Request) -> Option<&str> {
        let bearer =
            || request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        match self {
            Self::AnthropicMessages => request.header("x-api-key").or_else(bearer),
            Self::OpenAiChat | Self::OpenAiResponses => bearer(),
        }
    }

    /// The fields whose text is the prompt.
    fn prompt_fields(self) -> &'static [&'static str] {
        match self {
            Self::AnthropicMessages => &["system", "messages", "tools"],
            Self::OpenAiChat => &["messages", "tools"],
            Self::OpenAiResponses => &["instructions", "input", "tools"],
        }
    }

    fn limit_fields(self) -> &'static [&'static str] {
        match self {
            Self::AnthropicMessages => &["max_tokens"],
            Self::OpenAiChat => &["max_completion_tokens", "max_tokens"],
            Self::OpenAiResponses => &["max_output_tokens"],
        }
    }
}

/// A request, understood.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Which call it is, from 0, in the order in which they arrived.
    pub number: u64,
    /// When it arrived, by the provider's elapsed time.
    pub at: Duration,
    /// Its protocol.
    pub protocol: Protocol,
    /// The key that came with it; empty without one.
    pub key: String,
    /// The model.
    pub model: String,
    /// The class that a header named ([`CLASS_HEADER`]), if any.
    pub class: Option<String>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether a stream of Chat Completions is to end with the usage.
    pub include_usage: bool,
    /// Its prompt: every text in it, one in a line.
    pub prompt: String,
    /// The prompt in tokens, as the provider counts.
    pub input_tokens: u64,
    /// The most tokens of the answer; of a request that names none, the provider's own limit.
    pub max_tokens: u64,
    /// The whole body.
    pub body: Value,
}

/// The header in which a client may say what a call is for; the tally keeps it.
pub const CLASS_HEADER: &str = "x-highwater-class";

/// What of a request the provider adds itself.
pub(super) struct Arrival {
    pub(super) number: u64,
    pub(super) at: Duration,
    pub(super) count: fn(&str) -> u64,
    pub(super) default_max_tokens: u64,
}

impl Asked {
    /// Reads a request; of one that is wrong, what a provider would say of it.
    pub(super) fn read(
        protocol: Protocol,
        request: &Request,
        arrival: &Arrival,
    ) -> Result<Self, String> {
        let body: Value = serde_json::from_slice(&request.body).map_err(|error| {
            format!("We could not parse the JSON body of your request: {error}")
        })?;
        let anthropic = protocol == Protocol::AnthropicMessages;
        if anthropic && request.header("anthropic-version").is_none() {
            return Err("anthropic-version: header is required".to_owned());
        }
        let model = body["model"].as_str().filter(|model| !model.is_empty());
        let model = model.ok_or("model: Field required")?.to_owned();
        let asked = if protocol == Protocol::OpenAiResponses { "input" } else { "messages" };
        let empty = match &body[asked] {
            Value::Array(items) => items.is_empty(),
            Value::String(text) => anthropic || text.is_empty(),
            _ => true,
        };
        if empty {
            return Err(format!("{asked}: Field required"));
        }
        let limit = protocol.limit_fields().iter().find_map(|field| body.get(*field));
        let max_tokens = match limit.filter(|limit| !limit.is_null()) {
            None if anthropic => return Err("max_tokens: Field required".to_owned()),
            None => arrival.default_max_tokens,
            Some(limit) => limit.as_u64().filter(|limit| *limit > 0).ok_or_else(|| {
                format!("{}: must be greater than or equal to 1", protocol.limit_fields()[0])
            })?,
        };
        let mut prompt = String::new();
        for field in protocol.prompt_fields() {
            texts(&body[*field], &mut prompt);
        }
        Ok(Self {
            number: arrival.number,
            at: arrival.at,
            protocol,
            key: protocol.key(request).unwrap_or_default().to_owned(),
            model,
            class: request.header(CLASS_HEADER).map(str::to_owned),
            stream: body["stream"].as_bool().unwrap_or(false),
            include_usage: body["stream_options"]["include_usage"].as_bool().unwrap_or(false),
            input_tokens: (arrival.count)(&prompt).max(1),
            prompt,
            max_tokens,
            body,
        })
    }
}

impl Asked {
    /// What the body of an answer is said to be.
    pub(super) fn content_type(&self) -> &'static str {
        if self.stream { "text/event-stream; charset=utf-8" } else { "application/json" }
    }
}

/// Every text below a value but roles, kinds and ids, each with a line end.
fn texts(value: &Value, into: &mut String) {
    match value {
        Value::String(text) => {
            into.push_str(text);
            into.push('\n');
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, into)),
        Value::Object(fields) => {
            let told = fields
                .iter()
                .filter(|(name, _)| !matches!(name.as_str(), "role" | "type" | "id" | "status"));
            told.for_each(|(_, field)| texts(field, into));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
