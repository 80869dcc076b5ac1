//! One piece of a pass: kept from an earlier pass, or written by the summarizer in at most two tries, or by the
//! deterministic summarizer (V12).

use std::ops::BitOrAssign;
use std::sync::Arc;

use highwater_protocol::accept::accept;
use highwater_protocol::limit::Class;
use highwater_protocol::piece::Piece;
use highwater_protocol::prompt::{Prompt, Strength};
use highwater_protocol::{Digest, TokenCount};

use super::Desk;
use super::patience::Patience;
use super::unwinding::unwinding;
use crate::summarize::{Extractive, SummaryRequest};

/// A piece as it was written.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// The text; empty when there was nothing to quote.
    pub(super) text: Arc<str>,
    pub(super) by: Authors,
}

/// Who had a hand in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Authors {
    summarizer: bool,
    extractive: bool,
}

impl Authors {
    pub(super) const SUMMARIZER: Self = Self { summarizer: true, extractive: false };
    pub(super) const EXTRACTIVE: Self = Self { summarizer: false, extractive: true };

    /// The author that a summary names: `model`, `extractive`, or both.
    fn name(self, summarizer: &str) -> Box<str> {
        match (self.summarizer, self.extractive) {
            (true, false) => summarizer.into(),
            (true, true) if summarizer != Extractive::NAME => {
                format!("{summarizer}+{}", Extractive::NAME).into()
            }
            _ => Extractive::NAME.into(),
        }
    }
}

impl BitOrAssign for Authors {
    fn bitor_assign(&mut self, other: Self) {
        self.summarizer |= other.summarizer;
        self.extractive |= other.extractive;
    }
}

/// Writes the pieces of one pass.
pub(super) struct Writer {
    desk: Desk,
    focus: Option<Arc<str>>,
    patience: Patience,
}

impl Writer {
    pub(super) fn new(desk: Desk, focus: Option<Arc<str>>, patience: Patience) -> Self {
        Self { desk, focus, patience }
    }

    /// The window of the summarizer, and what of it its own words take.
    pub(super) fn window(&self) -> (TokenCount, TokenCount) {
        let summarizer = &self.desk.summarizer;
        (summarizer.window(), summarizer.overhead(self.focus.as_deref()))
    }

    /// The name that a summary by these authors carries.
    pub(super) fn named(&self, authors: Authors) -> Box<str> {
        authors.name(self.desk.summarizer.name())
    }

    /// Writes one piece within `cap`.
    pub(super) async fn write(&mut self, pieces: &Arc<[Piece]>, cap: TokenCount) -> Written {
        match self.summarizers(pieces, cap).await {
            Some(text) => Written { text, by: Authors::SUMMARIZER },
            None => quoted(pieces, cap).await,
        }
    }

    async fn summarizers(&mut self, pieces: &Arc<[Piece]>, cap: TokenCount) -> Option<Arc<str>> {
        let tries = self.tries(pieces, cap);
        let mut keys = tries.iter().filter_map(|(_, key)| key.as_ref());
        if let Some(text) = keys.find_map(|key| self.desk.kept.get(key)) {
            return Some(text);
        }
        for (strength, key) in tries {
            let (pieces, focus) = (Arc::clone(pieces), self.focus.clone());
            let request = SummaryRequest { pieces, cap, focus, strength };
            match self.patience.wait(ask(&self.desk, request)).await? {
                Ok(text) => {
                    self.patience.succeeded();
                    if let Some(key) = key {
                        self.desk.kept.put(key, Arc::clone(&text));
                    }
                    return Some(text);
                }
                Err(why) => {
                    let author = self.desk.summarizer.name();
                    tracing::warn!(author, ?strength, why, "session.compact.call was of no use");
                    self.patience.failed();
                }
            }
        }
        None
    }

    /// The tries in their order, each with the key that its answer is kept under.
    fn tries(&self, pieces: &[Piece], cap: TokenCount) -> Vec<(Strength, Option<Digest>)> {
        let summarizer = &self.desk.summarizer;
        if summarizer.is_deterministic() {
            return vec![(Strength::Normal, None)];
        }
        let key = |strength| {
            let prompt = Prompt { strength, cap, focus: self.focus.as_deref(), pieces };
            (strength, Some(prompt.digest(summarizer.name())))
        };
        [Strength::Normal, Strength::Tighter].map(key).into()
    }
}

/// What the deterministic summarizer writes.
pub(super) async fn quoted(pieces: &[Piece], cap: TokenCount) -> Written {
    let text = Extractive::write(pieces, cap).await.into();
    Written { text, by: Authors::EXTRACTIVE }
}

/// One call of the summarizer under a permit. What it answers is a summary within the cap, or it is an error.
async fn ask(desk: &Desk, request: SummaryRequest) -> Result<Arc<str>, String> {
    let permit = desk.gate.acquire(Class::Compaction).await.map_err(|error| error.to_string())?;
    let cap = request.cap;
    let answer = unwinding(async { desk.summarizer.summarize(request).await }).await;
    drop(permit);
    let answer = answer.map_err(|panic| format!("the summarizer panicked: {panic}"))?;
    let answer = answer.map_err(|error| error.to_string())?;
    let text = accept(&answer.text, answer.finish, cap).map_err(|why| why.to_string())?;
    Ok(text.into())
}
