//! What a call is to be answered. Whoever makes the call draws it, so that it is the same wherever the provider is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::speech::Speech;
use crate::sample::dice::Dice;

/// What is said of four bytes.
const BYTES_OF_A_TOKEN: u64 = 4;

/// A call's size, the length of its answer, and how long that takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::load) struct Wanted {
    /// Tokens of what the model is shown, as the gate was told them.
    pub(super) input_tokens: u64,
    /// Tokens of the answer.
    pub(super) output_tokens: u64,
    /// What its words are drawn from.
    words: u64,
    /// How long it takes.
    takes_us: u64,
}

impl Wanted {
    /// A call of these tokens, which takes so long if nothing comes between.
    pub(in crate::load) fn new(
        input_tokens: u64,
        output_tokens: u64,
        takes: Duration,
        words: u64,
    ) -> Self {
        let takes_us = u64::try_from(takes.as_micros()).unwrap_or(u64::MAX);
        Self { input_tokens, output_tokens, words, takes_us }
    }

    /// What counts against the provider's rates.
    pub(super) fn tokens(&self) -> u64 {
        self.input_tokens + self.output_tokens
    }

    /// How long the answer takes.
    pub(super) fn takes(&self) -> Duration {
        Duration::from_micros(self.takes_us)
    }

    /// The answer.
    pub(super) fn said(&self, speech: &Speech) -> String {
        let mut dice = Dice::new(self.words);
        let said = speech.says(self.output_tokens * BYTES_OF_A_TOKEN, &mut dice);
        format!("What was said so far: {said}")
    }
}
