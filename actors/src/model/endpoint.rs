//! Where a model is reached, and how one speaks to it: plain data, for configurations to fill in.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use highwater_protocol::{Error, Kind};
use serde_json::{Map, Value};

use super::ApiKey;

/// How one speaks to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// Anthropic's Messages.
    AnthropicMessages,
    /// `OpenAI`'s Chat Completions, which most local servers and gateways speak as well.
    OpenAiChat,
    /// `OpenAI`'s Responses.
    OpenAiResponses,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::AnthropicMessages, Self::OpenAiChat, Self::OpenAiResponses];

    /// Its name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::AnthropicMessages => "anthropic",
            Self::OpenAiChat => "openai-chat",
            Self::OpenAiResponses => "openai-responses",
        }
    }

    /// The protocol of that name. [`Kind::Invalid`] when there is none; the error lists those that there are.
    pub fn named(name: &str) -> Result<Self, Error> {
        named("protocol", Self::ALL, Self::name, name)
    }

    /// What a request's path ends with.
    pub fn path(self) -> &'static str {
        match self {
            Self::AnthropicMessages => "/messages",
            Self::OpenAiChat => "/chat/completions",
            Self::OpenAiResponses => "/responses",
        }
    }
}

/// By which parameter [`Protocol::OpenAiChat`] is told the most that may be answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputLimit {
    /// `max_completion_tokens` at `api.openai.com` and at Azure's hosts (below `openai.azure.com`,
    /// `cognitiveservices.azure.com`, `services.ai.azure.com` and `azure.us`), whose reasoning models refuse the other
    /// one; `max_tokens` everywhere else, since that is what local servers know.
    #[default]
    ByHost,
    /// `max_tokens`.
    MaxTokens,
    /// `max_completion_tokens`: for a gateway that hands requests on to `OpenAI` as they are.
    MaxCompletionTokens,
}

impl OutputLimit {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ByHost, Self::MaxTokens, Self::MaxCompletionTokens];

    /// Its name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::ByHost => "by-host",
            Self::MaxTokens => "max-tokens",
            Self::MaxCompletionTokens => "max-completion-tokens",
        }
    }

    /// The way of that name. [`Kind::Invalid`] when there is none; the error lists those that there are.
    pub fn named(name: &str) -> Result<Self, Error> {
        named("output limit", Self::ALL, Self::name, name)
    }
}

/// The one of `all` that is called `name`.
fn named<T: Copy, const N: usize>(
    what: &str,
    all: [T; N],
    called: fn(T) -> &'static str,
    name: &str,
) -> Result<T, Error> {
    let found = all.into_iter().find(|each| called(*each) == name);
    found.ok_or_else(|| {
        let names = all.map(called).join(", ");
        Error::new(Kind::Invalid, format!("no {what} is called {name:?}; there are {names}"))
    })
}

/// Where a model is reached.
///
/// # The base URL
///
/// What requests are sent to is made from `base_url` by the first of these rules that fits; slashes at its end, and a
/// query, which is kept, do not matter:
///
/// 1. It ends with the path of the protocol (`/messages`, `/chat/completions`, `/responses`): it is taken as it is. So
///    any address can be written that the other rules miss.
/// 2. It ends with a version (`/v1`, `/v4`, `/v1beta`): the path of the protocol is added.
/// 3. `/v1` and the path of the protocol are added.
///
/// `https://api.anthropic.com`, `https://api.openai.com/v1`, `http://127.0.0.1:11434`, `https://openrouter.ai/api/v1`
/// and `https://gateway.example/team/anthropic` are base URLs.
///
/// `http` is taken for every host: whoever writes it down says so. Redirects are not followed, since the key would go
/// along. Proxies come from the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`), but loopback is
/// always reached directly.
///
/// # Reasoning
///
/// How long a model thinks before it answers is one of its `parameters`, and each protocol has its own:
///
/// | protocol | parameter |
/// |---|---|
/// | `openai-chat` | `"reasoning_effort": "low"`; at `OpenRouter` `"reasoning": {"effort": "low"}` |
/// | `openai-responses` | `"reasoning": {"effort": "low"}` |
/// | `anthropic` | `"thinking": {"type": "enabled", "budget_tokens": 1024}`; without it, it does not think |
///
/// What is thought counts against the most that may be answered, so that an answer may be nothing but reasoning where
/// little is asked for: summaries need little of it.
#[derive(Clone)]
pub struct Endpoint {
    /// How one speaks to it.
    pub protocol: Protocol,
    /// Where it is; see above.
    pub base_url: String,
    /// The key: sent as `x-api-key` by [`Protocol::AnthropicMessages`], as `api-key` to Azure's hosts, as a bearer
    /// token otherwise. Local servers need none.
    pub key: Option<ApiKey>,
    /// The model's name, as the provider knows it.
    pub model: String,
    /// More headers, by name. One that the client would write as well (`authorization`, `x-api-key`, `api-key`,
    /// `anthropic-version`, `user-agent`) takes its place; those that belong to HTTP itself are refused.
    pub headers: BTreeMap<String, String>,
    /// Parameters of the provider's request, at its top level, that are sent with each one, under those of the
    /// [`Request`](super::Request) itself. What the client writes itself (`model`, `messages`, `stream`, the limit of
    /// the answer, ..) is refused here. [`Protocol::OpenAiResponses`] sends `"store": false` unless `store` is among
    /// them.
    pub parameters: Map<String, Value>,
    /// Whether the answer is streamed. A streamed answer is told as it comes, and a connection that is dead is noticed
    /// while it is written. `OpenAI` chat streams ask for their usage (`stream_options`); for a server that does not
    /// know that, turn streaming off.
    pub stream: bool,
    /// How the most that may be answered is said; only [`Protocol::OpenAiChat`] has a choice.
    pub output_limit: OutputLimit,
    /// How long connecting may take, encryption included.
    pub connect_timeout: Duration,
    /// The longest silence: from the request to the head of its answer, and between bytes behind that. How long an
    /// answer may take as a whole is up to whoever asks: dropping the call ends it.
    pub read_timeout: Duration,
}

impl Endpoint {
    /// What [`Endpoint::new`] sets: connecting takes some hundred milliseconds where it works at all.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

    /// What [`Endpoint::new`] sets: local servers are silent for minutes while they read a long prompt.
    pub const READ_TIMEOUT: Duration = Duration::from_mins(5);

    /// An endpoint without key and more headers that streams, with the timeouts above.
    pub fn new(protocol: Protocol, base_url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            protocol,
            base_url: base_url.into(),
            key: None,
            model: model.into(),
            headers: BTreeMap::new(),
            parameters: Map::new(),
            stream: true,
            output_limit: OutputLimit::default(),
            connect_timeout: Self::CONNECT_TIMEOUT,
            read_timeout: Self::READ_TIMEOUT,
        }
    }
}

/// Values of headers and the query may be credentials, and so may what stands before an `@`: none of them is shown.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.base_url.split(['?', '#']).next().unwrap_or_default();
        let url = match url.rsplit_once('@') {
            Some((_, behind)) => format!("***@{behind}"),
            None => url.to_owned(),
        };
        f.debug_struct("Endpoint")
            .field("protocol", &self.protocol)
            .field("base_url", &url)
            .field("key", &self.key)
            .field("model", &self.model)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("parameters", &self.parameters.keys().collect::<Vec<_>>())
            .field("stream", &self.stream)
            .field("output_limit", &self.output_limit)
            .field("connect_timeout", &self.connect_timeout)
            .field("read_timeout", &self.read_timeout)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_and_output_limits_are_found_by_their_names() {
        for protocol in Protocol::ALL {
            assert_eq!(Protocol::named(protocol.name()).unwrap(), protocol);
        }
        for limit in OutputLimit::ALL {
            assert_eq!(OutputLimit::named(limit.name()).unwrap(), limit);
        }
        let error = Protocol::named("openai").unwrap_err();
        assert!(error.message().contains("openai-chat, openai-responses"), "{error}");
    }

    #[test]
    fn nothing_secret_is_shown() {
        let url = "https://user:secret@models.example/v1?key=secret#secret";
        let mut endpoint = Endpoint::new(Protocol::OpenAiChat, url, "small");
        endpoint.key = Some(ApiKey::new("secret").unwrap());
        endpoint.headers.insert("api-key".to_owned(), "secret".to_owned());
        endpoint.parameters.insert("user".to_owned(), "secret".into());
        let shown = format!("{endpoint:?}");
        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.contains("models.example/v1") && shown.contains("api-key"), "{shown}");
    }
}
