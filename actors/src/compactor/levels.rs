//! Map and reduce: the chunks of each stretch are summarized, and the summaries merged level by level until one is left
//! (B3). A standing summary is part of the first chunk.

use std::sync::Arc;

use highwater_protocol::chunk::{Chunk, Shares, chunks};
use highwater_protocol::piece::Piece;
use highwater_protocol::stretch::{Covered, Stretch};
use highwater_protocol::{SeqSpans, Summary, TokenCount, tokens};
use tokio::task::yield_now;

use super::writer::{Authors, Writer, quoted};

/// Summarizes the stretches of one pass, and tells how many calls are done, of how many as far as is known.
pub(super) struct Levels<'a> {
    writer: Writer,
    progressed: &'a (dyn Fn(u32, u32) + Sync),
    done: usize,
    total: usize,
}

impl<'a> Levels<'a> {
    pub(super) fn new(writer: Writer, progressed: &'a (dyn Fn(u32, u32) + Sync)) -> Self {
        Self { writer, progressed, done: 0, total: 0 }
    }

    /// One summary for each stretch, in the same order. None is larger than its cap.
    pub(super) async fn summarize(mut self, stretches: &[Stretch]) -> Vec<Summary> {
        let (window, overhead) = self.writer.window();
        let mut work = Vec::new();
        for stretch in stretches {
            let shares = Shares::of(window, overhead, stretch.cap);
            let level = divided(&stretch.parts, shares.data).await;
            self.total += calls(level.len());
            work.push((stretch, shares, level));
        }
        self.tell();
        let mut summaries = Vec::new();
        for (stretch, shares, level) in work {
            summaries.push(self.reduced(stretch, shares, level).await);
        }
        summaries
    }

    /// Works through the levels of one stretch.
    async fn reduced(&mut self, stretch: &Stretch, shares: Shares, first: Vec<Chunk>) -> Summary {
        let mut authors = Authors::default();
        let mut level = first;
        let text = loop {
            let last = level.len() <= 1;
            let cap = if last { shares.answer } else { shares.partial };
            let parts = self.level(&level, cap, &mut authors).await;
            if last {
                break parts.into_iter().next();
            }
            let next = divided(&as_covered(&parts), shares.data).await;
            if next.len() >= level.len() {
                // Summaries that are dear to escape may not fit a call two by two.
                let pieces: Vec<_> = parts.iter().cloned().map(Piece::of_summary).collect();
                let written = quoted(&pieces, shares.answer).await;
                authors |= written.by;
                break Some(written.text);
            }
            // The merge that was counted with the level below is among the calls of this one.
            self.total = self.total - 1 + calls(next.len());
            level = next;
        };
        let fits = |text: &str| !text.is_empty() && tokens::estimate(text) <= stretch.cap;
        match text.filter(|text| fits(text)) {
            Some(text) => Summary { text: (&*text).into(), author: self.writer.named(&authors) },
            None => Summary {
                text: plain(&stretch.covers, stretch.cap).into(),
                author: self.writer.named(&Authors::extractive()),
            },
        }
    }

    /// The texts that the chunks of one level become; those without anything to say are left out.
    async fn level(
        &mut self,
        level: &[Chunk],
        cap: TokenCount,
        authors: &mut Authors,
    ) -> Vec<Arc<str>> {
        let mut parts = Vec::new();
        for chunk in level {
            let written = self.writer.write(chunk, cap).await;
            self.done += 1;
            self.tell();
            if !written.text.is_empty() {
                *authors |= written.by;
                parts.push(written.text);
            }
        }
        parts
    }

    fn tell(&self) {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        (self.progressed)(count(self.done), count(self.total));
    }
}

fn as_covered(parts: &[Arc<str>]) -> Vec<Covered> {
    parts.iter().cloned().map(Covered::Summary).collect()
}

/// The calls of a level and, if there are several, the one that its answers are merged by at least.
fn calls(chunks: usize) -> usize {
    chunks + usize::from(chunks > 1)
}

/// The chunks of a level. Others get their turn on the thread between one and the next.
async fn divided(parts: &[Covered], room: TokenCount) -> Vec<Chunk> {
    let mut level = Vec::new();
    for chunk in chunks(parts, room) {
        level.push(chunk);
        yield_now().await;
    }
    level
}

/// What is said when not even the deterministic summarizer finds anything to quote: the longest that fits.
fn plain(covers: &SeqSpans, cap: TokenCount) -> String {
    let (first, last) = (covers.first(), covers.last());
    let mut texts = [
        format!("Entries {first} to {last} stood here. Nothing in them could be quoted."),
        "Nothing could be quoted.".to_owned(),
        "...".to_owned(),
    ]
    .into_iter();
    texts.find(|text| tokens::estimate(text) <= cap).unwrap_or_else(|| "-".to_owned())
}
