//! Models behind providers' protocols: what a request and an answer are, and the clients that speak over HTTP.
//!
//! ```text
//! host, summarizer --Request--> GatedModel --permit--> gate         one for each attempt
//!                                 +---exchange--> Client --HTTP--> provider
//! ```

mod answer;
#[cfg(feature = "clients")]
mod endpoint;
mod error;
mod gated;
mod heard;
mod hosts;
#[cfg(feature = "clients")]
mod http;
#[cfg(feature = "clients")]
mod key;
mod request;
#[cfg(feature = "clients")]
mod wire;

use async_trait::async_trait;
use highwater_protocol::limit::Seen;
use tokio::time::Instant;

pub use answer::{Answer, Increment, ToolCall};
#[cfg(feature = "clients")]
pub use endpoint::{Endpoint, OutputLimit, Protocol};
pub use error::{Broken, ModelError};
pub use gated::GatedModel;
pub use heard::Heard;
pub use hosts::{is_loopback, looks_secret};
#[cfg(feature = "clients")]
pub use http::HttpClient;
#[cfg(feature = "clients")]
pub use key::ApiKey;
pub use request::{Messages, Request};

/// What came of one exchange with a provider.
#[derive(Debug)]
pub struct Exchange {
    /// The answer, or why there is none.
    pub outcome: Result<Answer, ModelError>,
    /// What the provider said of its limits, also when it refused.
    pub seen: Seen,
    /// When it said so: with the head of its answer, which may be long before the end.
    pub seen_at: Option<Instant>,
}

/// A client of one model of a provider: one call is one exchange, without permit and without retry. [`GatedModel`] adds
/// both.
///
/// Cancellation: dropping the future ends the exchange and its connection.
#[async_trait]
pub trait Client: Send + Sync + 'static {
    /// Whether the provider counts the most that may be answered against its limits, however little is answered: what
    /// was not used is not given back then (G6).
    fn keeps_output(&self) -> bool {
        false
    }

    /// Whether a request can be sent as it is. Asked before there is a permit for it, so that what is wrong with it
    /// tells the gate nothing of the provider. [`ModelError::Refused`] when it cannot.
    fn check(&self, _request: &Request) -> Result<(), ModelError> {
        Ok(())
    }

    /// Sends a request that has passed [`Client::check`]; it is not looked through again. What the answer consists of is told as it comes, if the client streams; whatever comes is noted
    /// in `heard`.
    async fn exchange(
        &self,
        request: &Request,
        told: &mut (dyn FnMut(Increment) + Send),
        heard: &Heard,
    ) -> Exchange;
}
