//! What headers tell of limits: on every answer of an endpoint, or on none.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater_protocol::limit::Quantity;

use super::asked::Protocol;
use super::clock::{go_duration, http_date, rfc3339, whole_seconds};
use super::limits::Standing;

/// Which headers tell of the limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Headers {
    /// Those of the protocol: `anthropic-ratelimit-*` for all quantities, `x-ratelimit-*` for requests and for tokens.
    #[default]
    Told,
    /// The same, with what is left of tokens to the nearest thousand, as Anthropic tells it.
    Rounded,
    /// None, as of a local server or of a gateway.
    Silent,
}

/// How a refusal tells when to come back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetryAfter {
    /// In seconds, rounded up.
    #[default]
    Seconds,
    /// As a date, rounded up to its second.
    Date,
    /// Not at all.
    Silent,
}

/// A header.
pub(super) type Header = (String, String);

impl RetryAfter {
    /// The header, if there is one.
    pub(super) fn header(self, wait: Duration, since_1970: Duration) -> Option<Header> {
        let value = match self {
            Self::Seconds => whole_seconds(wait).max(1).to_string(),
            Self::Date => http_date(Duration::from_secs(whole_seconds(since_1970 + wait))),
            Self::Silent => return None,
        };
        Some(("retry-after".to_owned(), value))
    }
}

impl Headers {
    /// The headers for how the quantities stand.
    pub(super) fn of(
        self,
        protocol: Protocol,
        standings: &BTreeMap<Quantity, Standing>,
        since_1970: Duration,
    ) -> Vec<Header> {
        if self == Self::Silent {
            return Vec::new();
        }
        let mut told = standings.clone();
        let both = (told.get(&Quantity::InputTokens), told.get(&Quantity::OutputTokens));
        if let (Some(input), Some(output)) = both
            && protocol == Protocol::AnthropicMessages
        {
            let sum = Standing {
                limit: input.limit + output.limit,
                remaining: input.remaining + output.remaining,
                reset: input.reset.max(output.reset),
            };
            told.entry(Quantity::Tokens).or_insert(sum);
        }
        let of = |(quantity, standing): (&Quantity, &Standing)| {
            self.triple(protocol, *quantity, *standing, since_1970)
        };
        told.iter().filter_map(of).flatten().collect()
    }

    fn triple(
        self,
        protocol: Protocol,
        quantity: Quantity,
        standing: Standing,
        since_1970: Duration,
    ) -> Option<[Header; 3]> {
        let Standing { limit, remaining, reset } = standing;
        let rounded = self == Self::Rounded && quantity != Quantity::Requests;
        let remaining = if rounded { (remaining + 500) / 1_000 * 1_000 } else { remaining };
        let name = match quantity {
            Quantity::Requests => "requests",
            Quantity::Tokens => "tokens",
            Quantity::InputTokens => "input-tokens",
            Quantity::OutputTokens => "output-tokens",
        };
        if protocol == Protocol::AnthropicMessages {
            let header =
                |what: &str, value: String| (format!("anthropic-ratelimit-{name}-{what}"), value);
            return Some([
                header("limit", limit.to_string()),
                header("remaining", remaining.to_string()),
                header("reset", rfc3339(since_1970 + reset)),
            ]);
        }
        let header = |what: &str, value: String| (format!("x-ratelimit-{what}-{name}"), value);
        matches!(quantity, Quantity::Requests | Quantity::Tokens).then(|| {
            [
                header("limit", limit.to_string()),
                header("remaining", remaining.to_string()),
                header("reset", go_duration(reset)),
            ]
        })
    }
}
