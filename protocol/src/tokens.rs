//! Token counts and the counting port. The default is an estimate that needs no vocabulary.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

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
/// Providers charge a full-size image about 1,600.
pub const MEDIA_TOKENS: TokenCount = TokenCount(1_600);

/// What each rendered block costs beyond its text: role marks, brackets, ids.
pub const BLOCK_OVERHEAD_TOKENS: TokenCount = TokenCount(4);

/// Estimates the tokens of a text in one pass over its bytes, without a vocabulary.
///
/// Modern vocabularies take about one token for a short word together with its leading space, for up to three digits,
/// for a run of blanks, for one or two signs, and somewhat less than one for a letter outside ASCII. Long words break
/// about every six letters.
pub fn estimate(text: &str) -> TokenCount {
    let bytes = text.as_bytes();
    let mut quarters: u64 = 0;
    let mut at = 0;
    while at < bytes.len() {
        let class = Class::of(bytes[at]);
        let start = at;
        while at < bytes.len() && Class::of(bytes[at]) == class {
            at += 1;
        }
        let run = (at - start) as u64;
        quarters += match class {
            Class::Letter => 4 * run.div_ceil(7),
            Class::Digit => 4 * run.div_ceil(3),
            Class::Blank if run == 1 => 0,
            Class::Blank => 4 * run.div_ceil(16),
            Class::Newline => 4 * run.div_ceil(2),
            Class::Sign => 3 * run.div_ceil(2) + run / 2,
            Class::Wide => run + run / 4,
        };
    }
    TokenCount(quarters.div_ceil(4))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Digit,
    Blank,
    Newline,
    Sign,
    Wide,
}

impl Class {
    fn of(byte: u8) -> Self {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => Self::Letter,
            b'0'..=b'9' => Self::Digit,
            b' ' | b'\t' => Self::Blank,
            b'\n' | b'\r' => Self::Newline,
            0x80.. => Self::Wide,
            _ => Self::Sign,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_stay_near_known_counts() {
        // Counts of the o200k vocabulary for the same texts.
        for (text, exact) in [
            ("The quick brown fox jumps over the lazy dog.", 10),
            ("let answer = compute(41) + 1;\nprintln!(\"{answer}\");\n", 17),
            ("2026-11-21T06:35:00.000Z", 15),
        ] {
            let estimated = estimate(text).0;
            assert!(
                estimated * 10 >= exact * 6 && estimated * 10 <= exact * 15,
                "{text:?}: estimated {estimated}, exact {exact}"
            );
        }
    }

    #[test]
    fn empty_text_costs_nothing() {
        assert_eq!(estimate(""), TokenCount::ZERO);
    }

    #[test]
    fn a_longer_text_never_costs_less() {
        let text = "fn main() { println!(\"hi, w\u{f6}rld {}\", 12345); }\n\n";
        let mut last = TokenCount::ZERO;
        for (end, _) in text.char_indices() {
            let now = estimate(&text[..end]);
            assert!(now >= last, "{:?}", &text[..end]);
            last = now;
        }
    }
}
