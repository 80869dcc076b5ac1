//! Why a model did not answer, by what whoever called should do next. No text here holds a credential (S3).

use std::time::Duration;

use highwater_protocol::Error;
use highwater_protocol::limit::Ending;

/// Why a model did not answer. The text says what happened and where; the key never stands in it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ModelError {
    /// No connection, no answer in time, a connection that broke, an error of the provider's (5xx): try again later.
    #[error("{message}")]
    Transient {
        /// How long to wait at least, if the provider says so.
        retry_after: Option<Duration>,
        /// What happened.
        message: String,
    },
    /// The provider refused because of its limits (429): wait.
    #[error("{message}")]
    RateLimited {
        /// How long to wait at least, if the provider says so.
        retry_after: Option<Duration>,
        /// What it said.
        message: String,
    },
    /// The provider has too much to do (503, 529): wait.
    #[error("{message}")]
    Overloaded {
        /// How long to wait at least, if the provider says so.
        retry_after: Option<Duration>,
        /// What it said.
        message: String,
    },
    /// The request does not fit the model's window, or the provider's limit of a request's size: make it smaller.
    #[error("{0}")]
    TooLong(String),
    /// The provider will not answer this request: correct it, or do without.
    #[error("{0}")]
    Refused(String),
    /// The key is missing or wrong: mend the configuration.
    #[error("{0}")]
    Auth(String),
    /// The key may not use the model: ask for access, or use another one.
    #[error("{0}")]
    Forbidden(String),
    /// What may be spent is spent: asking again does not help before somebody pays.
    #[error("{0}")]
    Quota(String),
    /// The answer cannot be used.
    #[error("{message}")]
    Broken {
        /// In which way.
        why: Broken,
        /// What was there.
        message: String,
    },
    /// There was no permit for the call: the gate says why.
    #[error("{0}")]
    Gate(Error),
}

/// In which way an answer cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// It was cut off at the most tokens that were asked for.
    Truncated,
    /// It ended in another way than by itself: the provider would go on, or does not say why it stopped.
    Unfinished,
    /// There is nothing in it.
    Empty,
    /// There is nothing in it but reasoning.
    ReasoningOnly,
    /// It is not what the protocol says: no JSON, another shape, larger than an answer may be. A stream that only ends
    /// too early is [`ModelError::Transient`].
    Malformed,
}

impl ModelError {
    /// What it tells the gate of the provider.
    pub fn ending(&self) -> Ending {
        match self {
            Self::Transient { .. } | Self::Broken { why: Broken::Malformed, .. } => Ending::Failed,
            Self::RateLimited { retry_after, .. } => {
                Ending::RateLimited { retry_after: *retry_after }
            }
            Self::Overloaded { retry_after, .. } => {
                Ending::Overloaded { retry_after: *retry_after }
            }
            Self::Auth(_) | Self::Quota(_) => Ending::Spent,
            Self::Forbidden(_) => Ending::Forbidden,
            Self::TooLong(_) | Self::Refused(_) | Self::Broken { .. } => Ending::Answered,
            Self::Gate(_) => Ending::Abandoned,
        }
    }

    /// Whether the same request may be answered when it is sent again.
    pub fn is_worth_a_retry(&self) -> bool {
        matches!(
            self,
            Self::Transient { .. }
                | Self::RateLimited { .. }
                | Self::Overloaded { .. }
                | Self::Broken { why: Broken::Malformed, .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_keys_fault_is_not_held_against_it() {
        let said = || "no".to_owned();
        for (error, ending, again) in [
            (ModelError::Auth(said()), Ending::Spent, false),
            (ModelError::Quota(said()), Ending::Spent, false),
            (ModelError::Forbidden(said()), Ending::Forbidden, false),
            (ModelError::Refused(said()), Ending::Answered, false),
            (ModelError::TooLong(said()), Ending::Answered, false),
        ] {
            assert_eq!((error.ending(), error.is_worth_a_retry()), (ending, again), "{error:?}");
        }
    }
}
