//! Counting tokens by a vocabulary: a port for tokenizers, and counts kept by the hash of their text. No turn waits for
//! it: sessions decide by the estimate, and counts correct that when they are reported.

#[cfg(feature = "exact-tokens")]
mod o200k;
#[cfg(test)]
mod tests;

use std::collections::hash_map::DefaultHasher;
use std::hash::BuildHasherDefault;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use highwater_protocol::{Digest, Error, Kind, Message, TokenCount, tokens};
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, UnitWeighter};
use tokio::sync::oneshot;

use crate::env::Executor;
use crate::highwater::shut_down;

#[cfg(feature = "exact-tokens")]
pub use o200k::O200k;

/// Counts the tokens of a text. Runs where blocking work may run, and may take its time: tens of milliseconds for a
/// megabyte. A panic is the caller's error and nobody else's.
pub trait TokenCounter: Send + Sync + 'static {
    /// The vocabulary's name, for reports.
    fn name(&self) -> &str;

    /// How many tokens `text` has. The same text has the same count for as long as the counter lives.
    fn count(&self, text: &str) -> TokenCount;
}

/// The estimate that sessions decide by, as a counter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Estimate;

impl TokenCounter for Estimate {
    fn name(&self) -> &'static str {
        "estimate"
    }

    fn count(&self, text: &str) -> TokenCount {
        tokens::estimate(text)
    }
}

/// The most exact counter that is built in.
pub(crate) fn default_counter() -> Arc<dyn TokenCounter> {
    #[cfg(feature = "exact-tokens")]
    return Arc::new(O200k);
    #[cfg(not(feature = "exact-tokens"))]
    return Arc::new(Estimate);
}

type Hasher = BuildHasherDefault<DefaultHasher>;
type Kept = Cache<Digest, TokenCount, UnitWeighter, Hasher, DefaultLifecycle<Digest, TokenCount>>;

/// Counts of a house, each made once and kept by the BLAKE3 hash of its text, within
/// [`caps::KEPT_COUNTS`](highwater_protocol::caps::KEPT_COUNTS). Cheap to clone; all clones keep the same counts.
#[derive(Clone)]
pub struct Counts {
    counter: Arc<dyn TokenCounter>,
    executor: Arc<dyn Executor>,
    kept: Arc<Kept>,
}

impl Counts {
    /// Counts by `counter` on the threads for reading, `cap` of them kept.
    pub(crate) fn new(
        counter: Arc<dyn TokenCounter>,
        executor: Arc<dyn Executor>,
        cap: usize,
    ) -> Self {
        let options = OptionsBuilder::new()
            .shards(1)
            .estimated_items_capacity(cap)
            .weight_capacity(cap as u64)
            .build()
            .expect("both capacities are given");
        let (hasher, lifecycle) = (Hasher::default(), DefaultLifecycle::default());
        let kept = Arc::new(Cache::with_options(options, UnitWeighter, hasher, lifecycle));
        Self { counter, executor, kept }
    }

    /// The name of the vocabulary that is counted by.
    pub fn vocabulary(&self) -> &str {
        self.counter.name()
    }

    /// How many tokens a text has.
    ///
    /// [`Kind::Internal`] when the counter panicked; [`Kind::Closed`] when the house has shut down.
    pub async fn text(&self, text: Arc<str>) -> Result<TokenCount, Error> {
        self.run(move |count| count(&text)).await
    }

    /// What a message takes, put together as its estimated size is: its texts counted, media at their flat price, and
    /// what each block costs beside.
    ///
    /// Errors as [`Counts::text`].
    pub async fn message(&self, message: Arc<Message>) -> Result<TokenCount, Error> {
        self.run(move |count| message.parts.iter().map(|part| part.tokens_by(&mut *count)).sum())
            .await
    }

    async fn run(
        &self,
        job: impl FnOnce(&mut dyn FnMut(&str) -> TokenCount) -> TokenCount + Send + 'static,
    ) -> Result<TokenCount, Error> {
        let (reply, answer) = oneshot::channel();
        let (counter, kept) = (Arc::clone(&self.counter), Arc::clone(&self.kept));
        self.executor.read(Box::new(move || {
            let mut count = |text: &str| {
                let key = Digest::of(text.as_bytes());
                kept.get(&key).unwrap_or_else(|| {
                    let found = counter.count(text);
                    kept.insert(key, found);
                    found
                })
            };
            let found = catch_unwind(AssertUnwindSafe(|| job(&mut count)));
            // A caller that went away needs no count.
            drop(reply.send(found.map_err(|_| {
                let message = format!("the token counter {} panicked", counter.name());
                Error::new(Kind::Internal, message)
            })));
        }));
        answer.await.map_err(|_| shut_down())?
    }
}
