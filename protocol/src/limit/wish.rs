//! What is asked of the gate, and why it says no: for ever, or for now (G5).

use std::fmt;
use std::time::Duration;

use super::{Amounts, Broke, Class, ClassKind, Paused, Quantity};
use crate::error::{Error, Kind};
use crate::time::Moment;

/// Names one wish for a permit, and the permit that comes of it. Given by whoever asks; unique for each account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A wish for the right to one model call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The model, where it is known which.
    pub model: Option<Box<str>>,
    /// What the call is for.
    pub class: Class,
    /// What it is expected to take.
    pub amounts: Amounts,
    /// When it is too late.
    pub deadline: Option<Moment>,
    /// Asked for by a person: it passes an open breaker.
    pub manual: bool,
    /// How long the permit lasts unless it is renewed; `None` for a holder whose end is noticed.
    pub lasts: Option<Duration>,
}

impl Wish {
    /// A wish of a class that takes this, with no deadline.
    pub fn new(class: Class, amounts: Amounts) -> Self {
        Self { model: None, class, amounts, deadline: None, manual: false, lasts: None }
    }
}

/// Why there is no permit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// There never will be one for this wish.
    Never(Never),
    /// There is none now: asking later may help.
    NotNow(NotNow),
}

/// A wish that can never be granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Never {
    /// It takes more than there ever is at once.
    TooLarge {
        /// Of what.
        quantity: Quantity,
        /// What it takes.
        asked: u64,
        /// The most that one call of its class may take.
        most: u64,
    },
    /// Its deadline has passed already.
    Late,
    /// A permit with this ticket is wished for or held already.
    Known,
}

/// A wish that is not granted now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// Too many of its class wait already.
    Full {
        /// Of which class.
        class: ClassKind,
        /// How many wait.
        waiting: usize,
        /// How long it would take at the pace of the last grants.
        expected: Duration,
    },
    /// Its deadline passed while it waited.
    Overdue {
        /// How long it waited.
        waited: Duration,
    },
    /// The provider is left alone beyond its deadline.
    Paused {
        /// Why.
        why: Paused,
        /// How long it is left alone, at least.
        expected: Duration,
    },
    /// The breaker is open.
    Broken {
        /// Why.
        why: Broke,
        /// How long until a probe may be sent; zero while one is under way.
        expected: Duration,
    },
    /// The gate is closing.
    Closing,
}

impl Denied {
    /// The same as an error of the library, with this as its source.
    pub fn into_error(self, place: &str) -> Error {
        let kind = match &self {
            Self::Never(Never::TooLarge { .. }) => Kind::TooLarge,
            Self::Never(_) => Kind::Invalid,
            Self::NotNow(NotNow::Closing) => Kind::Closed,
            Self::NotNow(_) => Kind::Retry,
        };
        Error::new(kind, format!("no permit for a call of {place}")).because(self)
    }
}

impl std::error::Error for Denied {}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never(never) => never.fmt(f),
            Self::NotNow(not_now) => not_now.fmt(f),
        }
    }
}

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { quantity, asked, most } => write!(
                f,
                "it takes {asked} {quantity}, and one call of its class may take {most} at most: make it smaller, or \
                 raise the burst"
            ),
            Self::Late => f.write_str("its deadline has passed already"),
            Self::Known => f.write_str("its ticket is in use already"),
        }
    }
}

impl fmt::Display for NotNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { class, waiting, expected } => write!(
                f,
                "{waiting} calls of class {class} wait already; it would take about {}: ask again then",
                seconds(*expected)
            ),
            Self::Overdue { waited } => {
                write!(f, "its deadline passed while it waited for {}", seconds(*waited))
            }
            Self::Paused { why, expected } => write!(
                f,
                "the provider is left alone for {}, which is beyond its deadline: {}",
                seconds(*expected),
                why.name()
            ),
            Self::Broken { why, expected } => {
                write!(f, "the provider is left alone because {}; ", why.name())?;
                if expected.is_zero() {
                    return f.write_str("one call is trying it now: ask again when that has ended");
                }
                let wait = seconds(*expected);
                write!(
                    f,
                    "it is tried again in {wait}, or at once by a call that a person asks for"
                )
            }
            Self::Closing => f.write_str("the gate is closing"),
        }
    }
}

fn seconds(span: Duration) -> String {
    format!("{:.1} s", span.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(not_now: NotNow, expected: &str) {
        assert_eq!(Denied::NotNow(not_now).to_string(), expected);
    }

    #[test]
    fn a_pause_says_how_long_and_why() {
        check(
            NotNow::Paused { why: Paused::RateLimited, expected: Duration::from_mins(1) },
            "the provider is left alone for 60.0 s, which is beyond its deadline: rate limited",
        );
    }

    #[test]
    fn an_open_breaker_says_why_for_how_long_and_what_helps() {
        check(
            NotNow::Broken { why: Broke::Spent, expected: Duration::from_mins(10) },
            "the provider is left alone because its key or its budget is not accepted; it is tried again in 600.0 s, or \
             at once by a call that a person asks for",
        );
        check(
            NotNow::Broken { why: Broke::Failing, expected: Duration::ZERO },
            "the provider is left alone because it failed too often in a row; one call is trying it now: ask again when \
             that has ended",
        );
    }
}
