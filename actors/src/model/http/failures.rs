//! Why a call failed, in words: who was asked, what happened, and what to do. Nothing secret stands in them (S3).

use std::time::Duration;

use super::HttpClient;
use super::reading::Cut;
use crate::model::wire::{Fault, Refusal, Said};
use crate::model::{Broken, ModelError};

impl HttpClient {
    /// No answer came.
    pub(super) fn unreached(&self, error: reqwest::Error) -> ModelError {
        let error = error.without_url();
        let why = if error.is_timeout() && error.is_connect() {
            format!("no connection within {:?}", self.endpoint.connect_timeout)
        } else if error.is_timeout() {
            format!("nothing came for {:?}", self.endpoint.read_timeout)
        } else if error.is_connect() {
            format!("no connection: {}; check the base URL", cause(&error))
        } else {
            format!("the connection broke: {}", cause(&error))
        };
        ModelError::Transient { retry_after: None, message: self.address.says(why) }
    }

    pub(super) fn cut(&self, cut: Cut) -> ModelError {
        match cut {
            Cut::Connection(error) => self.unreached(error),
            Cut::TooLarge => self.malformed("it is larger than an answer may be"),
            Cut::NotText => self.malformed("it is no UTF-8"),
        }
    }

    pub(super) fn fault(&self, fault: &Fault, status: u16, wait: Option<Duration>) -> ModelError {
        match fault {
            Fault::Malformed(what) => self.malformed(what),
            Fault::Said(said) => self.refusal(said, status, wait),
        }
    }

    pub(super) fn malformed(&self, what: &str) -> ModelError {
        let message = self.address.says(format_args!(
            "the answer is not one of the protocol {}: {what}; check the base URL and the protocol",
            self.endpoint.protocol.name()
        ));
        ModelError::Broken { why: Broken::Malformed, message }
    }

    /// The error of a refusal, with what to do about it.
    pub(super) fn refusal(
        &self,
        said: &Said,
        status: u16,
        retry_after: Option<Duration>,
    ) -> ModelError {
        let counts = said.status(status);
        let words = said.words(|text| self.address.mask(text));
        let refusal = said.means(counts);
        let hint = match (refusal, counts) {
            (Refusal::Auth, _) => "; check the key",
            (Refusal::Forbidden, _) => {
                "; the key may not use the model: ask for access, or use another one"
            }
            (Refusal::Quota, _) => "; asking again does not help before more may be spent",
            (Refusal::TooLong, _) => "; make the request smaller",
            (Refusal::Refused, Some(404)) => "; check the model's name and the base URL",
            (Refusal::Refused, Some(300..400)) => {
                "; redirects are not followed, since the key would go along: use the final base URL"
            }
            (Refusal::Refused, Some(405)) => "; check the base URL and the protocol",
            _ => "",
        };
        let answered = counts.map_or("an error".to_owned(), |status| status.to_string());
        let message = self.address.says(format_args!("answered {answered}: {words}{hint}"));
        match refusal {
            Refusal::Transient => ModelError::Transient { retry_after, message },
            Refusal::RateLimited => ModelError::RateLimited { retry_after, message },
            Refusal::Overloaded => ModelError::Overloaded { retry_after, message },
            Refusal::TooLong => ModelError::TooLong(message),
            Refusal::Refused => ModelError::Refused(message),
            Refusal::Auth => ModelError::Auth(message),
            Refusal::Forbidden => ModelError::Forbidden(message),
            Refusal::Quota => ModelError::Quota(message),
        }
    }
}

/// What an error came from at its root, which is what helps: the errors around it say that a request failed.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
