//! Counting through a house's counts: once for each text, within bounds, and whatever the counter does.

use std::sync::atomic::{AtomicU64, Ordering};

use highwater_protocol::{Entry, EntryId};

use super::*;
use crate::env::Inline;

/// Counts bytes, and how often it was asked; panics at a text.
#[derive(Debug, Default)]
struct Bytes {
    asked: AtomicU64,
}

impl TokenCounter for Arc<Bytes> {
    fn name(&self) -> &'static str {
        "bytes"
    }

    fn count(&self, text: &str) -> TokenCount {
        assert!(text != "panic", "as it was told");
        self.asked.fetch_add(1, Ordering::Relaxed);
        TokenCount(text.len() as u64)
    }
}

fn counts(cap: usize) -> (Arc<Bytes>, Counts) {
    let bytes = Arc::new(Bytes::default());
    let counter: Arc<dyn TokenCounter> = Arc::new(Arc::clone(&bytes));
    (bytes, Counts::new(counter, Arc::new(Inline), cap))
}

#[tokio::test]
async fn a_text_is_counted_once() {
    let (bytes, counts) = counts(100);
    for _ in 0..3 {
        assert_eq!(counts.text("four".into()).await.expect("a count"), TokenCount(4));
    }
    assert_eq!(bytes.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn kept_counts_are_bounded() {
    let (_, counts) = counts(100);
    for number in 0..1_000 {
        counts.text(format!("text {number}").into()).await.expect("a count");
    }
    assert!(counts.kept.len() <= 100, "{} counts are kept", counts.kept.len());
}

#[tokio::test]
async fn a_counter_that_panics_is_an_error_and_the_next_count_works() {
    let (_, counts) = counts(100);
    let error = counts.text("panic".into()).await.expect_err("it panicked");
    assert_eq!(error.kind(), Kind::Internal);
    assert_eq!(counts.text("four".into()).await.expect("a count"), TokenCount(4));
}

#[tokio::test]
async fn a_message_is_put_together_as_its_estimate_is() {
    let counter: Arc<dyn TokenCounter> = Arc::new(Estimate);
    let counts = Counts::new(counter, Arc::new(Inline), 100);
    let entry = Entry::user(EntryId::parse("e").expect("a legal id"), "What is the time?");
    let message = Arc::clone(entry.expect("a small entry").message());
    let found = counts.message(Arc::clone(&message)).await.expect("a count");
    assert_eq!(found, message.tokens());
}

#[cfg(feature = "exact-tokens")]
#[tokio::test]
async fn the_vocabulary_gives_known_counts() {
    let counts = Counts::new(Arc::new(O200k), Arc::new(Inline), 100);
    for (text, exact) in [
        ("The quick brown fox jumps over the lazy dog.", 10),
        ("2026-11-21T06:35:00.000Z", 15),
        ("", 0),
    ] {
        assert_eq!(counts.text(text.into()).await.expect("a count"), TokenCount(exact), "{text}");
    }
    let blanks = " ".repeat(1_000_000);
    assert!(counts.text(blanks.into()).await.expect("a count") < TokenCount(50_000));
}
