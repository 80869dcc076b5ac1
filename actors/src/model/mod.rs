//! Models behind providers' protocols: what a request and an answer are, and the clients that speak over HTTP.
//!
//! ```text
//! host, summarizer --Request--> Model --acquire--> gate         a permit for each attempt
//!                                 +-----exchange--> Client --HTTP--> provider
//! ```

mod answer;
mod error;
mod request;

use async_trait::async_trait;
use highwater_protocol::limit::Seen;

pub use answer::{Answer, Delta, ToolCall};
pub use error::{Broken, ModelError};
pub use request::{Messages, Request};

/// What came of one exchange with a provider.
#[derive(Debug)]
pub struct Exchange {
    /// The answer, or why there is none.
    pub outcome: Result<Answer, ModelError>,
    /// What the provider said of its limits, also when it refused.
    pub seen: Seen,
}

/// A client of one model of a provider: one call is one exchange, without permit and without retry. The permits and the retries are whose it is.
///
/// Cancellation: dropping the future ends the exchange and its connection.
#[async_trait]
pub trait Client: Send + Sync + 'static {
    /// Sends a request. What the answer consists of is told as it comes, if the client streams.
    async fn exchange(&self, request: &Request, told: &mut (dyn FnMut(Delta) + Send)) -> Exchange;
}
