//! The calls of an agent into its session: entries that are appended, contexts, and both at once. What was acknowledged is
//! noted, what is shown is checked, and how long it took is measured.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use highwater_protocol::message::{ContextReply, OpenCalls, Receipt};
use highwater_protocol::{Context, Entry, Error, TokenCount};
use tokio::time::Instant;

use super::super::ledger::Ledger;
use super::super::metrics::Call;
use super::super::slices::Arm;
use super::super::told::Told;
use super::Agent;

/// What the model is shown.
pub(super) struct View {
    pub(super) tokens: TokenCount,
    /// The context itself, where it is sent.
    pub(super) sent: Option<Context>,
}

/// A call that was answered: how long it took, and in whose figures that stands.
#[derive(Clone, Copy)]
pub(super) struct Taken {
    pub(super) call: Call,
    pub(super) time: Duration,
    pub(super) arm: Option<Arm>,
}

impl Agent {
    /// Says something to the model: at once, or together with the wish for the next context.
    pub(super) async fn says(&mut self, entries: Vec<Arc<Entry>>) -> anyhow::Result<()> {
        if self.is_brief {
            self.unsaid = entries;
            return Ok(());
        }
        self.append(entries).await
    }

    /// Appends entries, and takes note of what was acknowledged.
    pub(super) async fn append(&mut self, entries: Vec<Arc<Entry>>) -> anyhow::Result<()> {
        let handle = self.handle.clone();
        let (receipts, taken) = self.calls(Call::Append, handle.append(entries.clone())).await?;
        self.measured(taken);
        self.acknowledged(&entries, receipts).await?;
        self.due = Instant::now();
        Ok(())
    }

    /// Asks for the context, with what was said and is not handed over yet, and checks it; `None` when it cannot be made to
    /// fit.
    pub(super) async fn context(&mut self) -> anyhow::Result<Option<View>> {
        let (handle, entries) = (self.handle.clone(), std::mem::take(&mut self.unsaid));
        let (reply, taken) = if entries.is_empty() {
            self.calls(Call::Context, handle.context(OpenCalls::Refuse)).await?
        } else {
            let asked = handle.next_context(entries.clone(), OpenCalls::Refuse);
            let (next, taken) = self.calls(Call::NextContext, asked).await?;
            self.acknowledged(&entries, next.receipts).await?;
            (next.context?, taken)
        };
        let metrics = &self.world.ground.metrics;
        let context = match reply {
            ContextReply::Ready(context) => context,
            ContextReply::TooLarge(_) => {
                metrics.count(|counts| counts.too_large += 1);
                return Ok(None);
            }
            ContextReply::CallsOpen(calls) => {
                bail!("V8: {} calls are open, and all have their results", calls.len())
            }
        };
        self.ledger.contexts += 1;
        (self.view_tokens, self.is_guessed) = (context.tokens.0, false);
        self.measured(taken);
        let session = self.handle.session();
        let breaches = self.checker.breaches(&context, &self.branch).into_iter();
        metrics.broken(breaches.map(|breach| format!("session {session}: {breach}")));
        metrics.count(|counts| {
            counts.contexts += 1;
            counts.largest_view_tokens = counts.largest_view_tokens.max(context.tokens.0);
        });
        if let Some(watched) = self.watched {
            metrics.saw_view(watched, context.tokens.0);
        }
        self.tell(Told::Answered).await;
        self.due = Instant::now();
        let tokens = context.tokens;
        let sent = self.world.ground.scenario.provider.over_http.then_some(context);
        Ok(Some(View { tokens, sent }))
    }

    /// Makes a call that is measured, once it may be made.
    async fn calls<T>(
        &mut self,
        call: Call,
        asked: impl Future<Output = Result<T, Error>>,
    ) -> anyhow::Result<(T, Taken)> {
        self.in_its_slice().await;
        self.landed().await;
        let arm = self.counts();
        let (due, made) = (self.due, Instant::now());
        let beside = self.passes.in_flight();
        let withheld = self.world.ground.withholding.asked(beside);
        let answer = self.asks(asked).await?;
        drop(withheld);
        let time = due.elapsed();
        let metrics = &self.world.ground.metrics;
        metrics.answered(call, due, made, beside || self.passes.in_flight());
        Ok((answer, Taken { call, time, arm }))
    }

    /// Takes note of entries that were acknowledged.
    async fn acknowledged(
        &mut self,
        entries: &[Arc<Entry>],
        receipts: Vec<Receipt>,
    ) -> anyhow::Result<()> {
        if receipts.len() != entries.len() {
            bail!("L2: {} receipts for {} entries", receipts.len(), entries.len());
        }
        for (entry, receipt) in entries.iter().zip(receipts) {
            let expected = self.ledger.entries.len() as u64 + 1;
            if receipt.seq.0 != expected || receipt.known || receipt.id != *entry.id() {
                bail!("L1: entry {expected} was acknowledged as {receipt:?}");
            }
            let digest = Ledger::digest(entry);
            self.ledger.entries.push(digest);
            self.branch.appended(receipt.seq);
            self.tell(|session| Told::Appended(session, expected, digest)).await;
        }
        let bytes: usize = entries.iter().map(|entry| entry.source().len()).sum();
        self.said_bytes += bytes as u64;
        self.world.ground.metrics.count(|counts| {
            counts.entries += entries.len() as u64;
            counts.entry_bytes += bytes as u64;
            counts.largest_session_bytes = counts.largest_session_bytes.max(self.said_bytes);
        });
        self.view_tokens += entries.iter().map(|entry| entry.message().tokens().0).sum::<u64>();
        // Asked only where a pass may have begun: a host would not ask at all. What the last context told, and entries by
        // their estimates since, is near to what the session sees; where a pass has landed only that is known.
        let percent = if self.is_guessed { 50 } else { 90 };
        if self.view_tokens * 100 >= self.budget.trigger().0 * percent {
            self.passes.look(&self.handle, &self.world.ground, &mut self.ledger).await?;
        }
        Ok(())
    }
}
