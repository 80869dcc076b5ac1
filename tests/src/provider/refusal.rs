//! Refusals in the words of the two families of protocols: status, kind, code and message.

use highwater_protocol::limit::Quantity;
use serde_json::{Value, json};

use super::account::{Bound, Denied};
use super::asked::Protocol;
use super::script::Refusal;

/// A refusal, worded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) status: u16,
    /// `error.type`.
    kind: &'static str,
    /// `error.code`; at `OpenAI` only.
    code: Option<&'static str>,
    message: String,
}

impl Words {
    /// A scripted refusal, in a protocol's words.
    pub(super) fn of(refusal: Refusal, protocol: Protocol) -> Self {
        match protocol {
            Protocol::AnthropicMessages => anthropic(refusal),
            Protocol::OpenAiChat | Protocol::OpenAiResponses => openai(refusal),
        }
    }

    /// A request that is wrong.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", None, message)
    }

    /// A request that no endpoint takes.
    pub(super) fn no_endpoint(status: u16, method: &str, path: &str) -> Self {
        let kind = if status == 404 { "not_found_error" } else { "invalid_request_error" };
        Self::new(status, kind, None, format!("Invalid URL ({method} {path})"))
    }

    /// A prompt that is longer than the model's window.
    pub(super) fn too_long(protocol: Protocol, prompt: u64, answer: u64, window: u64) -> Self {
        let message = match protocol {
            Protocol::AnthropicMessages if prompt > window => {
                format!("prompt is too long: {prompt} tokens > {window} maximum")
            }
            Protocol::AnthropicMessages => format!(
                "input length and `max_tokens` exceed context limit: {prompt} + {answer} > {window}, \
                 decrease input length or `max_tokens` and try again"
            ),
            _ => format!(
                "This model's maximum context length is {window} tokens. However, you requested {} tokens \
                 ({prompt} in the messages, {answer} in the completion). Please reduce the length of the \
                 messages or completion.",
                prompt + answer
            ),
        };
        Self { message, ..Self::of(Refusal::TooLong, protocol) }
    }

    /// A call that met a limit.
    pub(super) fn denied(denied: &Denied, protocol: Protocol, model: &str) -> Self {
        let Denied { bound, limit, remaining, requested, wait } = *denied;
        if protocol == Protocol::AnthropicMessages {
            let message = match bound {
                Bound::Slots => "Number of concurrent connections has exceeded your rate limit. Please try again \
                                 later or contact sales to discuss your options for a rate limit increase."
                    .to_owned(),
                Bound::Rate(quantity) => format!(
                    "This request would exceed your organization's rate limit of {limit} {quantity} per minute \
                     (model: {model})."
                ),
            };
            return Self::new(429, "rate_limit_error", None, message);
        }
        let code = Some("rate_limit_exceeded");
        let Bound::Rate(quantity) = bound else {
            let message = format!("Too many concurrent requests for {model}: limit {limit}.");
            return Self::new(429, "requests", code, message);
        };
        let (kind, unit) = match quantity {
            Quantity::Requests => ("requests", "requests per min (RPM)"),
            Quantity::Tokens => ("tokens", "tokens per min (TPM)"),
            Quantity::InputTokens => ("input_tokens", "input tokens per min (TPM)"),
            Quantity::OutputTokens => ("output_tokens", "output tokens per min (TPM)"),
        };
        let message = match wait {
            None => format!(
                "Request too large for {model} in organization org-simulated on {unit}: Limit {limit}, \
                 Requested {requested}. The input or output tokens must be reduced in order to run \
                 successfully."
            ),
            Some(wait) => format!(
                "Rate limit reached for {model} in organization org-simulated on {unit}: Limit {limit}, Used \
                 {}, Requested {requested}. Please try again in {}.",
                limit.saturating_sub(remaining),
                super::clock::go_duration(wait)
            ),
        };
        Self::new(429, kind, code, message)
    }

    fn new(
        status: u16,
        kind: &'static str,
        code: Option<&'static str>,
        message: impl Into<String>,
    ) -> Self {
        Self { status, kind, code, message: message.into() }
    }

    /// The body of the answer that refuses.
    pub(super) fn body(&self, protocol: Protocol, request_id: &str) -> Value {
        match protocol {
            Protocol::AnthropicMessages => json!({
                "type": "error",
                "error": {"type": self.kind, "message": self.message},
                "request_id": request_id,
            }),
            Protocol::OpenAiChat | Protocol::OpenAiResponses => json!({
                "error": {
                    "message": self.message, "type": self.kind, "param": null, "code": self.code,
                },
            }),
        }
    }

    /// What an event of a Responses stream tells.
    pub(super) fn event(&self, sequence_number: u64) -> Value {
        json!({
            "type": "error", "code": self.code.unwrap_or(self.kind), "message": self.message, "param": null,
            "sequence_number": sequence_number,
        })
    }
}

fn anthropic(refusal: Refusal) -> Words {
    let (status, kind, message) = match refusal {
        Refusal::TooLong => {
            (400, "invalid_request_error", "prompt is too long: 213462 tokens > 200000 maximum")
        }
        Refusal::Policy => {
            (400, "invalid_request_error", "Output blocked by content filtering policy")
        }
        Refusal::Key => (401, "authentication_error", "invalid x-api-key"),
        Refusal::Payment => {
            (402, "billing_error", "There is an issue with your billing or payment information.")
        }
        Refusal::Forbidden => (
            403,
            "permission_error",
            "Your API key does not have permission to use the specified resource.",
        ),
        Refusal::NoAccess => {
            (403, "permission_error", "Your API key does not have permission to use this model.")
        }
        Refusal::NoModel => (404, "not_found_error", "model: claude-unknown"),
        Refusal::TooLarge => {
            (413, "request_too_large", "Request exceeds the maximum allowed number of bytes.")
        }
        Refusal::Limited => (
            429,
            "rate_limit_error",
            "This request would exceed your account's rate limit. Please try again later.",
        ),
        Refusal::Spent => (
            429,
            "rate_limit_error",
            "You have reached your specified API usage limits. You will regain access on 2026-02-01 at 00:00 UTC.",
        ),
        Refusal::Internal => (500, "api_error", "Internal server error"),
        Refusal::Unavailable => (503, "api_error", "Service Unavailable"),
        Refusal::Overloaded => (529, "overloaded_error", "Overloaded"),
    };
    Words::new(status, kind, None, message)
}

fn openai(refusal: Refusal) -> Words {
    let (status, kind, code, message) = match refusal {
        Refusal::TooLong => (
            400,
            "invalid_request_error",
            Some("context_length_exceeded"),
            "Your input exceeds the context window of this model. Please adjust your input and try again.",
        ),
        Refusal::Policy => (
            400,
            "invalid_request_error",
            Some("content_policy_violation"),
            "Your request was rejected as a result of our safety system.",
        ),
        Refusal::Key => (
            401,
            "invalid_request_error",
            Some("invalid_api_key"),
            "Incorrect API key provided. You can find your API key in your account settings.",
        ),
        Refusal::Payment => {
            (402, "invalid_request_error", Some("insufficient_balance"), "Insufficient Balance")
        }
        Refusal::Forbidden => (
            403,
            "invalid_request_error",
            Some("unsupported_country_region_territory"),
            "Country, region, or territory not supported",
        ),
        Refusal::NoAccess => (
            403,
            "invalid_request_error",
            Some("model_not_found"),
            "Project `proj_simulated` does not have access to model `small-1`.",
        ),
        Refusal::NoModel => (
            404,
            "invalid_request_error",
            Some("model_not_found"),
            "The model `gpt-unknown` does not exist or you do not have access to it.",
        ),
        Refusal::TooLarge => {
            (413, "invalid_request_error", Some("request_too_large"), "Request body too large.")
        }
        Refusal::Limited => {
            (429, "tokens", Some("rate_limit_exceeded"), "Rate limit reached. Please try again.")
        }
        Refusal::Spent => (
            429,
            "insufficient_quota",
            Some("insufficient_quota"),
            "You exceeded your current quota, please check your plan and billing details.",
        ),
        Refusal::Internal => (
            500,
            "server_error",
            None,
            "The server had an error while processing your request. Sorry about that!",
        ),
        Refusal::Unavailable => (503, "server_error", None, "Service Unavailable"),
        Refusal::Overloaded => (
            503,
            "server_error",
            Some("server_is_overloaded"),
            "The engine is currently overloaded, please try again later",
        ),
    };
    Words::new(status, kind, code, message)
}
