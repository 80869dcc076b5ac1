//! Token counts. The default is an estimate that needs no vocabulary; reported usage corrects it.

mod correction;
mod estimate;
mod letters;
mod scripts;

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

pub(crate) use correction::Correction;
pub use correction::Usage;
pub use estimate::estimate;

/// A number of tokens of some model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenCount(pub u64);

impl TokenCount {
    /// No tokens.
    pub const ZERO: Self = Self(0);

    /// The difference, or zero.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for TokenCount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for TokenCount {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for TokenCount {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Sum for TokenCount {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        Self(iter.map(|count| count.0).sum())
    }
}

impl fmt::Display for TokenCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tokens", self.0)
    }
}

/// What a media part (image, document) is charged, since its bytes say nothing about its tokens.
///
/// Anthropic documents width * height / 750 tokens for an image and scales larger ones down to about 1,600 of them
/// ("Vision", calculate image costs). `OpenAI` documents 85 and 170 for each tile of 512 pixels, 765 for a square one at
/// full detail, and at most 1,536 patches for its newer models ("Images and vision", calculating costs). Models that take
/// larger images charge up to three times as much, and a page of a document is an image and its text: what a provider
/// reports corrects it.
pub const MEDIA_TOKENS: TokenCount = TokenCount(1_600);

/// What each rendered block costs beyond its text: role marks, brackets, ids.
pub const BLOCK_OVERHEAD_TOKENS: TokenCount = TokenCount(4);
