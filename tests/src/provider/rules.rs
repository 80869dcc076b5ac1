//! What a provider is started with.

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_protocol::tokens::estimate;

use super::asked::{Asked, Protocol};
use super::headers::{Headers, RetryAfter};
use super::latency::Latency;
use super::limits::{Counting, Limits};
use super::reply::{Said, plain_text};
use super::script::Script;

/// What becomes, at a call's end, of the output that was charged at its start by the most that it may answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Settling {
    /// Corrected at Anthropic, kept at `OpenAI`.
    #[default]
    ByProtocol,
    /// Corrected to what was answered.
    Corrected,
    /// Kept, whatever was answered.
    Kept,
}

impl Settling {
    pub(super) fn keeps(self, protocol: Protocol) -> bool {
        match self {
            Self::ByProtocol => protocol != Protocol::AnthropicMessages,
            Self::Corrected => false,
            Self::Kept => true,
        }
    }
}

/// What the model says to a request.
pub type Text = Arc<dyn Fn(&Asked) -> Said + Send + Sync>;

/// How a provider behaves.
#[derive(Clone)]
pub struct Rules {
    /// What an account is allowed. Each key is an account of its own.
    pub limits: Limits,
    /// What a model of an account is allowed besides.
    pub models: BTreeMap<String, Limits>,
    /// How rates are counted.
    pub counting: Counting,
    /// What becomes of charged output that was not answered.
    pub settling: Settling,
    /// Whether a call that met a limit counts as a request nevertheless, as at `OpenAI`.
    pub refused_count: bool,
    /// Which headers tell of the limits.
    pub headers: Headers,
    /// How a refusal tells when to come back.
    pub retry_after: RetryAfter,
    /// How long answers take.
    pub latency: Latency,
    /// What goes wrong.
    pub script: Script,
    /// What the model says. It is cut off at the most tokens that were asked for.
    pub text: Text,
    /// How the tokens of a prompt are counted. Those of an answer are four bytes each.
    pub count: fn(&str) -> u64,
    /// The key that a call has to bring; without it, any or none.
    pub key: Option<String>,
    /// The most tokens of prompt and answer together; more is refused as too long.
    pub context_window: Option<u64>,
    /// The most tokens of an answer to a request that names no limit.
    pub default_max_tokens: u64,
    /// The longest body of a request, in bytes.
    pub max_request_bytes: usize,
    /// Whether each connection is closed after one answer, which tells so.
    pub close_each: bool,
    /// The provider's clock at its start, in seconds since 1970.
    pub started_s: u64,
    /// What latencies and chances follow from.
    pub seed: u64,
}

impl Rules {
    /// A model that says what a closure makes of the request.
    pub fn says<S: Into<Said>>(text: impl Fn(&Asked) -> S + Send + Sync + 'static) -> Text {
        Arc::new(move |asked| text(asked).into())
    }
}

impl Default for Rules {
    /// No limits, no waiting, nothing goes wrong; the clock starts with 2026.
    fn default() -> Self {
        Self {
            limits: Limits::none(),
            models: BTreeMap::new(),
            counting: Counting::Bucket,
            settling: Settling::ByProtocol,
            refused_count: false,
            headers: Headers::Told,
            retry_after: RetryAfter::Seconds,
            latency: Latency::NONE,
            script: Script::well(),
            text: Arc::new(plain_text),
            count: |text| estimate(text).0,
            key: None,
            context_window: None,
            default_max_tokens: 4_096,
            max_request_bytes: 32 << 20,
            close_each: false,
            started_s: 1_767_225_600,
            seed: 0,
        }
    }
}
