//! Another model in the middle of a session: a smaller window, a larger one, another summarizer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use highwater::summarize::{Completion, SummarizeError, Summarizer, SummaryRequest};
use highwater_protocol::{Budget, Format, Outcome, TokenCount};
use highwater_tests::host::Host;
use highwater_tests::world;

fn marks(trigger: u64, landing: u64, hard: u64) -> Budget {
    let marks = [trigger, landing, hard].map(TokenCount);
    Budget::new(marks[0], marks[1], marks[2]).expect("rising marks")
}

#[tokio::test(start_paused = true)]
async fn a_smaller_window_holds_from_the_next_context_on_and_a_pass_starts_at_once() {
    let (_house, mut host) = Host::alone(world::gist(60), world::automatic()).await;
    host.append("s1: Be brief.").await;
    host.chat("fill", 22, 60).await;
    assert_eq!(host.pass().await, None);
    let small = marks(1_000, 600, 1_300);
    assert!(host.switch(small, Format::OpenAiChat).await);
    let pass = host.pass().await.expect("the view is above the new trigger");
    let context = host.context().await;
    assert_eq!(context.format, Format::OpenAiChat);
    assert!(context.tokens <= small.hard(), "{}", context.tokens);
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    let context = host.context().await;
    assert!(context.tokens <= small.trigger(), "{}", context.tokens);
    host.require_whole_history().await;
}

#[tokio::test(start_paused = true)]
async fn a_larger_window_starts_no_pass_and_lets_the_one_in_flight_land() {
    let (_house, mut host) = Host::alone(world::gist(30), world::automatic()).await;
    host.chat("fill", 22, 60).await;
    let large = marks(20_000, 10_000, 40_000);
    assert!(host.switch(large, Format::Anthropic).await);
    let resets = host.context().await.resets;
    host.chat("more", 40, 60).await;
    assert_eq!((host.pass().await, host.covered().await), (None, None), "nothing needs it");
    assert_eq!(host.context().await.resets, resets, "and nothing was changed for it");

    let (_house, mut host) = Host::alone(world::gist(30), world::automatic()).await;
    let pass = host.chat_until_a_pass_starts().await;
    assert!(host.switch(large, Format::Anthropic).await);
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    host.context().await;
    assert_eq!(host.pass().await, None);
}

/// Becomes another model when it is told to.
struct Exchanged(Arc<AtomicBool>);

impl Exchanged {
    fn is_new(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Summarizer for Exchanged {
    fn name(&self) -> &'static str {
        if self.is_new() { "new" } else { "old" }
    }

    fn window(&self) -> TokenCount {
        TokenCount(if self.is_new() { 1_024 } else { 100_000 })
    }

    async fn summarize(&self, _request: SummaryRequest) -> Result<Completion, SummarizeError> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(Completion::whole("The gist of it."))
    }
}

#[tokio::test(start_paused = true)]
async fn each_pass_asks_the_summarizer_anew_who_it_is_and_what_it_holds() {
    let is_new = Arc::new(AtomicBool::new(false));
    let (_house, mut host) = Host::alone(Exchanged(Arc::clone(&is_new)), world::by_wish()).await;
    let mut calls = Vec::new();
    for (new, author) in [(false, "made by old in"), (true, "made by new in")] {
        is_new.store(new, Ordering::Relaxed);
        host.chat(if new { "then" } else { "first" }, 20, 60).await;
        let pass = host.compact(None).await;
        let started = tokio::time::Instant::now();
        assert_eq!(host.settled(pass).await, Outcome::Spliced);
        calls.push(started.elapsed().as_secs());
        assert!(host.context().await.body().contains(author));
    }
    assert!(calls[0] == 1 && calls[1] > 1, "one window, and several: {calls:?}");
}
