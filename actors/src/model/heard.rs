//! When something last came from a provider: what tells a call that is slow from one that hangs.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// When something last came of a call, whatever it was: the head of an answer, a part of it, a line that only keeps the
/// connection. Whoever gives the call up knows from it whether the provider was at work.
#[derive(Debug)]
pub struct Heard(Mutex<Instant>);

impl Heard {
    /// Of a call that begins now, of which nothing came yet.
    #[expect(clippy::new_without_default, reason = "it depends on the moment, as no default does")]
    pub fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    /// Something came.
    pub fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// How long nothing has come.
    pub fn silence(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}
