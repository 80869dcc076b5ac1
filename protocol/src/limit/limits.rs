//! The limits of one key, and the share of them that only turns may use.

use std::fmt;

use super::Quantity;
use crate::error::{Error, Kind};

/// The largest share that may be reserved: the rest is what compaction lives on.
pub const MAX_RESERVE_PERCENT: u8 = 95;

/// The largest rate and burst: what the limiter counts in.
pub(super) const MAX_RATE: u64 = u32::MAX as u64;

/// The largest burst, in minutes of its rate.
const MAX_BURST_MINUTES: u64 = 30;

/// The most calls at once.
pub(super) const MAX_SLOTS: u32 = 65_536;

/// So much each minute, filled up evenly, and so much at once. In any `d` seconds no more than
/// `burst + per_minute * d / 60` is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    per_minute: u64,
    burst: u64,
}

impl Rate {
    /// `per_minute`, with a burst of nine tenths of it: the rest is for calls that arrive closer together than they were
    /// granted, and whose tokens were estimated too low.
    pub fn per_minute(per_minute: u64) -> Self {
        Self { per_minute, burst: (per_minute - per_minute / 10).max(1) }
    }

    /// The same with another burst. A call that takes more than it is never granted.
    #[must_use]
    pub fn burst(self, burst: u64) -> Self {
        Self { burst, ..self }
    }

    /// So much each minute.
    pub fn each_minute(self) -> u64 {
        self.per_minute
    }

    /// So much at once.
    pub fn at_once(self) -> u64 {
        self.burst
    }
}

/// What a provider allows for one key: an account, or a model in it. A quantity without a rate is not limited, until the
/// provider says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls at once.
    pub slots: u32,
    /// The share of every quantity that only turns may use, in percent (G2).
    pub reserve_percent: u8,
    /// Requests.
    pub requests: Option<Rate>,
    /// Tokens of prompts and answers together.
    pub tokens: Option<Rate>,
    /// Tokens of prompts.
    pub input_tokens: Option<Rate>,
    /// Tokens of answers.
    pub output_tokens: Option<Rate>,
}

impl Limits {
    /// So many calls at once, nothing reserved, nothing else limited.
    pub fn slots(slots: u32) -> Self {
        Self {
            slots,
            reserve_percent: 0,
            requests: None,
            tokens: None,
            input_tokens: None,
            output_tokens: None,
        }
    }

    /// The same with a share of everything that only turns may use, in percent.
    #[must_use]
    pub fn reserve(self, percent: u8) -> Self {
        Self { reserve_percent: percent, ..self }
    }

    /// The rate of a quantity.
    pub fn rate(&self, quantity: Quantity) -> Option<Rate> {
        match quantity {
            Quantity::Requests => self.requests,
            Quantity::Tokens => self.tokens,
            Quantity::InputTokens => self.input_tokens,
            Quantity::OutputTokens => self.output_tokens,
        }
    }

    /// The same with this rate of a quantity.
    #[must_use]
    pub fn with(mut self, quantity: Quantity, rate: Rate) -> Self {
        let place = match quantity {
            Quantity::Requests => &mut self.requests,
            Quantity::Tokens => &mut self.tokens,
            Quantity::InputTokens => &mut self.input_tokens,
            Quantity::OutputTokens => &mut self.output_tokens,
        };
        *place = Some(rate);
        self
    }

    /// Slots that only turns may use: the share, and one at least where anything is reserved.
    pub fn reserved_slots(&self) -> u32 {
        let share = u64::from(self.slots) * u64::from(self.reserve_percent) / 100;
        let share = u32::try_from(share).unwrap_or(u32::MAX);
        if self.reserve_percent == 0 { 0 } else { share.max(1) }
    }

    /// The share of a rate that only turns may use.
    pub fn reserved(&self, quantity: Quantity) -> Option<Rate> {
        let share = |whole: u64| whole * u64::from(self.reserve_percent) / 100;
        let rate = self.rate(quantity)?;
        Some(Rate { per_minute: share(rate.per_minute), burst: share(rate.burst) })
    }

    /// A provider of the reserved share alone: what turns are promised not to fall behind (G2). `None` when nothing is
    /// reserved.
    pub fn reserved_share(&self) -> Option<Self> {
        if self.reserve_percent == 0 {
            return None;
        }
        let whole = Self::slots(self.reserved_slots());
        let rated = Quantity::ALL.into_iter().filter_map(|each| Some((each, self.reserved(each)?)));
        Some(rated.fold(whole, |limits, (quantity, rate)| limits.with(quantity, rate)))
    }

    /// The largest call that is ever granted to what is not a turn: what is not reserved of the burst.
    pub fn largest_beside_turns(&self, quantity: Quantity) -> Option<u64> {
        Some(self.rate(quantity)?.burst - self.reserved(quantity)?.burst)
    }

    /// Whether these are limits: [`Kind::Invalid`] says which number is wrong, and what it may be.
    pub fn check(&self) -> Result<(), Error> {
        let invalid = |message: String| Err(Error::new(Kind::Invalid, message));
        if self.slots == 0 || self.slots > MAX_SLOTS {
            return invalid(format!("{} slots; there must be 1 to {MAX_SLOTS}", self.slots));
        }
        let (reserve, slots) = (self.reserve_percent, self.slots);
        if reserve > MAX_RESERVE_PERCENT {
            return invalid(format!(
                "a reserve of {reserve} %; it may be 0 to {MAX_RESERVE_PERCENT} %"
            ));
        }
        if self.reserved_slots() >= slots {
            return invalid(format!(
                "{slots} slots with {reserve} % reserved for turns leave none for compaction; give more slots, or \
                 reserve nothing"
            ));
        }
        for quantity in Quantity::ALL {
            if let Some(rate) = self.rate(quantity) {
                Self::check_rate(quantity, rate)?;
            }
        }
        Ok(())
    }

    fn check_rate(quantity: Quantity, rate: Rate) -> Result<(), Error> {
        let Rate { per_minute, burst } = rate;
        let wrong = if per_minute == 0 || per_minute > MAX_RATE {
            format!("{per_minute} {quantity} each minute; it may be 1 to {MAX_RATE}")
        } else if burst == 0 || burst > MAX_RATE || burst > per_minute * MAX_BURST_MINUTES {
            let most = MAX_RATE.min(per_minute * MAX_BURST_MINUTES);
            format!(
                "a burst of {burst} {quantity} with {per_minute} each minute; it may be 1 to {most}"
            )
        } else {
            return Ok(());
        };
        Err(Error::new(Kind::Invalid, wrong))
    }
}

/// Names what has limits of its own: an account at a provider, or a model in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The account, as the configuration names it.
    pub provider: Box<str>,
    /// The model, where it is known which. Its limits hold beside those of the account.
    pub model: Option<Box<str>>,
}

impl Key {
    /// An account alone.
    pub fn of(provider: &str) -> Self {
        Self { provider: provider.into(), model: None }
    }

    /// A model of an account.
    pub fn with_model(provider: &str, model: &str) -> Self {
        Self { provider: provider.into(), model: Some(model.into()) }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.model {
            None => f.write_str(&self.provider),
            Some(model) => write!(f, "{}/{model}", self.provider),
        }
    }
}
