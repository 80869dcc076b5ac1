//! Long sessions for benches: short entries with contexts between them, so that passes run and the view stays within
//! its marks, however long the history becomes.

use std::sync::Arc;

use highwater::SessionHandle;
use highwater_protocol::message::{ContextReply, OpenCalls};
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Budget, Entry, EntryId, Format, TokenCount};

/// Marks of a window of 48,000 tokens.
pub fn config() -> SessionConfig {
    let budget = Budget::of_window(TokenCount(48_000)).expect("a legal window");
    SessionConfig::new(budget, Format::Anthropic)
}

/// The short entry of a number: of the user and of the model in turns.
pub fn entry(number: u64) -> Arc<Entry> {
    let id = EntryId::parse(&format!("e{number}")).expect("a legal id");
    let text = format!("{number}: the ferry leaves at {} from pier {}", number % 24, number % 7);
    let said =
        if number.is_multiple_of(2) { Entry::user(id, &text) } else { Entry::assistant(id, &text) };
    Arc::new(said.expect("a small entry"))
}

/// A context that must be ready, held against nothing.
pub async fn context(session: &SessionHandle) {
    let answer = session.context(OpenCalls::StandIn).await.expect("an answer");
    assert!(matches!(answer, ContextReply::Ready(_)), "{answer:?}");
}

/// Waits for passes to end until none is under way.
pub async fn settle(session: &SessionHandle) {
    loop {
        let status = session.status().await.expect("an answer");
        let Some(pass) = status.pass else { break };
        session.settled(pass.pass).await.expect("it ends");
    }
}

/// Appends entries up to this number, with contexts, and waits for the passes that this starts.
pub async fn grow(session: &SessionHandle, entries: u64) {
    let mut next = 1;
    while next <= entries {
        let end = (next + 500).min(entries + 1);
        session.append((next..end).map(entry).collect()).await.expect("stored");
        context(session).await;
        next = end;
        settle(session).await;
    }
}

/// Compacts by wish, so that sessions of any length have views alike.
pub async fn land(session: &SessionHandle) {
    session.compact(None, None).await.expect("an answer");
    settle(session).await;
}
