//! What a refusal means: by its status and by its body, since providers use one status for several things. A spent
//! budget comes as 400, 402, 403 or 429, a prompt that is too long as 400, 413, 422, 429 or 500.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use highwater_protocol::caps::MAX_SAID_BYTES;
use highwater_protocol::format::json::{self, Fields};

/// What a provider says of a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::model) struct Said {
    /// The words that programs read, in lower case: types and codes.
    codes: Vec<String>,
    /// The words for people, in one line. Not yet masked, and not yet cut.
    message: String,
    /// A status in the body: some gateways answer 200 and write the real one there.
    status: Option<u16>,
}

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum Refusal {
    /// Try again later.
    Transient,
    /// Wait: a limit was reached.
    RateLimited,
    /// Wait: the provider has too much to do.
    Overloaded,
    /// The request is too large.
    TooLong,
    /// The request is wrong.
    Refused,
    /// The key is wrong.
    Auth,
    /// The key may not use the model.
    Forbidden,
    /// The money is spent.
    Quota,
}

/// Parts of codes that mean a spent budget.
const QUOTA_CODES: [&str; 7] = [
    "insufficient_quota",
    "billing",
    "spend_limit",
    "usage_limit",
    "credit_balance",
    "insufficient_balance",
    "insufficient_credit",
];

/// What is said of a spent budget. Not "billing": `OpenAI` writes of its page for that in ordinary rate limits.
const QUOTA_PHRASES: [&str; 9] = [
    "credit balance is too low",
    "exceeded your current quota",
    "api usage limits",
    "spend limit",
    "spending limit",
    "insufficient balance",
    "insufficient credits",
    "insufficient funds",
    "requires more credits",
];

const TOO_LONG_CODES: [&str; 5] = [
    "context_length_exceeded",
    "context_window_exceeded",
    "exceed_context_size",
    "request_too_large",
    "string_above_max_length",
];

const TOO_LONG_PHRASES: [&str; 12] = [
    "prompt is too long",
    "input is too long",
    "context length",
    "context window",
    "contextwindowexceeded",
    "context size",
    "context limit",
    "long context requests",
    "maximum prompt length",
    "input token count",
    "prompt token count",
    // A single request above the tokens of a minute: no pause helps it.
    "request too large for",
];

const AUTH_CODES: [&str; 3] = ["authentication_error", "invalid_api_key", "unauthenticated"];

const AUTH_PHRASES: [&str; 5] = [
    "api key not valid",
    "invalid api key",
    "incorrect api key",
    "no auth credentials",
    "key was reported as leaked",
];

const FORBIDDEN_CODES: [&str; 2] = ["permission_error", "permission_denied"];

/// What is wrong with one request alone, though it may come as 403: nothing is said of the key.
const REQUEST_CODES: [&str; 4] = ["model_not_found", "content_policy", "content_filter", MODERATED];

const REQUEST_PHRASES: [&str; 2] = ["requires moderation", "flagged"];

/// The code of a refusal that says why a request was moderated, and names no code.
const MODERATED: &str = "moderated";

const RATE_CODES: [&str; 5] = [
    "rate_limit_error",
    "rate_limit_exceeded",
    "resource_exhausted",
    "too_many_requests",
    "slow_down",
];

const REFUSED_CODES: [&str; 4] = ["invalid_request", "invalid_prompt", "not_found", "bad_request"];

impl Said {
    /// What the body of a refusal says: JSON in one of the shapes that are about, or a text.
    pub(in crate::model) fn of_body(body: &str) -> Self {
        let first = json::list(body).and_then(|list| list.first().copied()).unwrap_or(body);
        match Fields::parse(first) {
            Ok(fields) => match fields.raw("error") {
                Some(error) => Self::of_error(error),
                None => Self::of_fields(&fields, first),
            },
            Err(_) => Self { message: one_line(body), ..Self::default() },
        }
    }

    /// What the value of a field `error` says: an object or a text.
    pub(in crate::model) fn of_error(raw: &str) -> Self {
        if let Ok(fields) = Fields::parse(raw) {
            return Self::of_fields(&fields, raw);
        }
        let text = json::decode(raw);
        Self { message: one_line(text.as_deref().unwrap_or(raw)), ..Self::default() }
    }

    /// What an object says that is itself the error.
    pub(in crate::model) fn of_fields(fields: &Fields<'_>, whole: &str) -> Self {
        let details = fields.object("details");
        let detailed = details.and_then(|details| details.text("error_code").map(Cow::into_owned));
        let named = ["type", "code", "status"].into_iter().filter_map(|name| fields.text(name));
        let reasons = fields.object("metadata").and_then(|metadata| metadata.list("reasons"));
        let moderated = reasons.filter(|reasons| !reasons.is_empty()).map(|_| MODERATED.to_owned());
        let codes = named.map(Cow::into_owned).chain(detailed).chain(moderated);
        let codes = codes.map(|code: String| code.to_ascii_lowercase()).collect();
        let message = ["message", "detail"].into_iter().find_map(|name| fields.text(name));
        // Written anew, so that a key in it is not hidden by the way in which its signs were escaped.
        let rewritten =
            || serde_json::from_str::<serde_json::Value>(whole).map(|it| it.to_string());
        let message = match message {
            Some(message) => message.into_owned(),
            None => rewritten().unwrap_or_else(|_| whole.to_owned()),
        };
        // Some write the number as a text.
        let number = |name| {
            let text = || fields.text(name).and_then(|text| text.trim().parse().ok());
            fields.number(name).or_else(text)
        };
        let number: Option<u64> = number("code").or_else(|| number("status"));
        let status =
            number.and_then(|it| u16::try_from(it).ok()).filter(|it| (400..600).contains(it));
        Self { codes, message: one_line(&message), status }
    }

    /// The words for people, masked by `mask` and cut.
    pub(in crate::model) fn words(&self, mask: impl Fn(&str) -> String) -> String {
        let mut words = mask(&self.message);
        if words.len() > MAX_SAID_BYTES {
            words.truncate(words.floor_char_boundary(MAX_SAID_BYTES));
            words.push_str(" ..");
        }
        if words.is_empty() { "it does not say why".to_owned() } else { words }
    }

    /// The status that counts: the body's where the answer's own is that of a success.
    pub(in crate::model) fn status(&self, answered: u16) -> Option<u16> {
        if answered >= 300 { Some(answered) } else { self.status }
    }

    /// What it means, with the status that counts; without one, it was an error within a success.
    pub(in crate::model) fn means(&self, status: Option<u16>) -> Refusal {
        let message = self.message.to_ascii_lowercase();
        let coded = |parts: &[&str]| {
            self.codes.iter().any(|code| parts.iter().any(|part| code.contains(part)))
        };
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
        let is_callers = status.is_none_or(|status| (400..500).contains(&status));
        // Gemini says of every limit for a minute that the quota is exceeded; both codes mean a rate.
        let is_rate = coded(&["rate_limit_exceeded", "resource_exhausted"]);
        if status == Some(402)
            || is_callers && (coded(&QUOTA_CODES) || !is_rate && says(&QUOTA_PHRASES))
        {
            return Refusal::Quota;
        }
        if status == Some(413) || coded(&TOO_LONG_CODES) || says(&TOO_LONG_PHRASES) {
            return Refusal::TooLong;
        }
        let may_be_requests = is_callers && !matches!(status, Some(401 | 407 | 429));
        if may_be_requests && (coded(&REQUEST_CODES) || says(&REQUEST_PHRASES)) {
            return Refusal::Refused;
        }
        if matches!(status, Some(401 | 407))
            || is_callers && (coded(&AUTH_CODES) || says(&AUTH_PHRASES))
        {
            return Refusal::Auth;
        }
        if status == Some(403) || is_callers && coded(&FORBIDDEN_CODES) {
            return Refusal::Forbidden;
        }
        if matches!(status, Some(503 | 529)) || coded(&["overloaded", "unavailable"]) {
            return Refusal::Overloaded;
        }
        if status == Some(429) || coded(&RATE_CODES) {
            return Refusal::RateLimited;
        }
        match status {
            // 409 and 425 are a conflict with another request, and one that came too early: the makers' own clients
            // repeat both.
            Some(408 | 409 | 425 | 500..) => Refusal::Transient,
            Some(_) => Refusal::Refused,
            None if coded(&REFUSED_CODES) => Refusal::Refused,
            None => Refusal::Transient,
        }
    }
}

/// A text without line ends and other signs that would disturb a log, or show it in another order than it has.
pub(super) fn one_line(text: &str) -> String {
    let ordered: String = text.chars().filter(|c| !turns_text(*c)).collect();
    let words = ordered.split(|c: char| c.is_whitespace() || c.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Whether a sign does nothing but turn the direction of the text around it.
fn turns_text(sign: char) -> bool {
    matches!(sign, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
