//! What a provider limits for each minute, and amounts of it.

use std::fmt;

/// What a provider may limit for each minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantity {
    /// Requests.
    Requests,
    /// Tokens of prompts and answers together.
    Tokens,
    /// Tokens of prompts.
    InputTokens,
    /// Tokens of answers.
    OutputTokens,
}

impl Quantity {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Requests, Self::Tokens, Self::InputTokens, Self::OutputTokens];

    /// Its name as it stands in reports and errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::InputTokens => "input tokens",
            Self::OutputTokens => "output tokens",
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What one call takes in tokens: as it was estimated when its permit was asked for, or as the provider counted.
/// A call is one request besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amounts {
    /// Tokens of the prompt. Those that a provider reads from its cache and does not limit are left out.
    pub input_tokens: u64,
    /// Tokens of the answer. Estimated by the most that is asked for.
    pub output_tokens: u64,
}

impl Amounts {
    /// These tokens.
    pub fn new(input_tokens: u64, output_tokens: u64) -> Self {
        Self { input_tokens, output_tokens }
    }

    /// How much of a quantity that is.
    pub fn of(self, quantity: Quantity) -> u64 {
        match quantity {
            Quantity::Requests => 1,
            Quantity::Tokens => self.input_tokens.saturating_add(self.output_tokens),
            Quantity::InputTokens => self.input_tokens,
            Quantity::OutputTokens => self.output_tokens,
        }
    }
}
