//! One piece of a pass: kept from an earlier pass, or written by one of the summarizers, each in at most two tries, or by
//! the deterministic summarizer (V12).

use std::collections::BTreeSet;
use std::ops::BitOrAssign;
use std::sync::Arc;

use highwater_protocol::accept::accept;
use highwater_protocol::chunk::{self, Chunk};
use highwater_protocol::limit::{Amounts, Ending, Key, Report};
use highwater_protocol::piece::Piece;
use highwater_protocol::prompt::{Prompt, Strength};
use highwater_protocol::{Digest, TokenCount};

use super::Desk;
use super::patience::Patience;
use super::unwinding::unwinding;
use crate::gate::{Errand, HOUSE};
use crate::summarize::{Extractive, Summarizer, SummaryRequest};

/// Pieces in a row that a summarizer fails before the next one is asked at once for the rest of the pass: one that is down
/// does not cost a call, with all of its retries, for each piece. The last one has the patience of the pass.
const MOST_FAILED: u32 = 2;

/// A piece as it was written.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// The text; empty when there was nothing to quote.
    pub(super) text: Arc<str>,
    pub(super) by: Authors,
}

/// Who had a hand in a text: summarizers by their place in the list, and the deterministic one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Authors {
    summarizers: BTreeSet<usize>,
    extractive: bool,
}

impl Authors {
    fn summarizer(place: usize) -> Self {
        Self { summarizers: [place].into(), extractive: false }
    }

    pub(super) fn extractive() -> Self {
        Self { summarizers: BTreeSet::new(), extractive: true }
    }

    /// The author that a summary names: `model`, `extractive`, or several, the first in the list first.
    fn name(&self, summarizers: &[Arc<dyn Summarizer>]) -> Box<str> {
        let mut names: Vec<&str> =
            self.summarizers.iter().map(|place| summarizers[*place].name()).collect();
        if names.is_empty() || (self.extractive && !names.contains(&Extractive::NAME)) {
            names.push(Extractive::NAME);
        }
        names.join("+").into()
    }
}

impl BitOrAssign for Authors {
    fn bitor_assign(&mut self, other: Self) {
        self.summarizers.extend(other.summarizers);
        self.extractive |= other.extractive;
    }
}

/// Why a call was of no use.
enum Useless {
    /// There was no answer: another summarizer may have one.
    Failed(String),
    /// What was answered is no summary: the same one may do better when it is pressed.
    NotAccepted(String),
}

/// Writes the pieces of one pass.
pub(super) struct Writer {
    desk: Desk,
    errand: Errand,
    focus: Option<Arc<str>>,
    patience: Patience,
    /// Pieces in a row that each of the summarizers failed.
    failed: Vec<u32>,
}

impl Writer {
    pub(super) fn new(
        desk: Desk,
        errand: Errand,
        focus: Option<Arc<str>>,
        patience: Patience,
    ) -> Self {
        let failed = vec![0; desk.summarizers.len()];
        Self { desk, errand, focus, patience, failed }
    }

    /// The smallest window of the summarizers, and the most that the words of one take of it.
    pub(super) fn window(&self) -> (TokenCount, TokenCount) {
        let summarizers = self.desk.summarizers.iter();
        let overheads = summarizers.clone().map(|each| each.overhead(self.focus.as_deref()));
        let window = summarizers.map(|each| each.window()).min();
        let window = window.expect("there is a summarizer always");
        (window, overheads.max().unwrap_or_default())
    }

    /// The name that a summary by these authors carries.
    pub(super) fn named(&self, authors: &Authors) -> Box<str> {
        authors.name(&self.desk.summarizers)
    }

    /// Writes one piece within `cap`.
    pub(super) async fn write(&mut self, chunk: &Chunk, cap: TokenCount) -> Written {
        for place in 0..self.desk.summarizers.len() {
            if let Some(text) = self.by(place, chunk, cap).await {
                return Written { text, by: Authors::summarizer(place) };
            }
        }
        quoted(&chunk.pieces, cap).await
    }

    /// What the summarizer at a place writes, if it writes something that is a summary.
    async fn by(
        &mut self,
        place: usize,
        Chunk { pieces, tokens }: &Chunk,
        cap: TokenCount,
    ) -> Option<Arc<str>> {
        let summarizer = Arc::clone(&self.desk.summarizers[place]);
        let last = place + 1 == self.desk.summarizers.len();
        let tries = self.tries(&*summarizer, pieces, cap);
        let mut keys = tries.iter().filter_map(|(_, key)| key.as_ref());
        if let Some(text) = keys.find_map(|key| self.desk.kept.get(key)) {
            return Some(text);
        }
        if !last && self.failed[place] >= MOST_FAILED {
            return None;
        }
        for (strength, key) in tries {
            let (pieces, focus) = (Arc::clone(pieces), self.focus.clone());
            let (tokens, errand) = (*tokens, self.errand.clone());
            let request = SummaryRequest { pieces, tokens, cap, focus, strength, errand };
            let why = match self.patience.wait(ask(&*summarizer, request)).await? {
                Ok(text) => {
                    self.patience.succeeded();
                    self.failed[place] = 0;
                    if let Some(key) = key {
                        self.desk.kept.put(key, Arc::clone(&text));
                    }
                    return Some(text);
                }
                Err(why) => why,
            };
            let (failed, why) = match why {
                Useless::Failed(why) => (true, why),
                Useless::NotAccepted(why) => (false, why),
            };
            let author = summarizer.name();
            tracing::warn!(author, ?strength, why, "session.compact.call was of no use");
            if failed && !last {
                self.failed[place] += 1;
                return None;
            }
            self.patience.failed();
        }
        None
    }

    /// The tries in their order, each with the key that its answer is kept under.
    fn tries(
        &self,
        summarizer: &dyn Summarizer,
        pieces: &[Piece],
        cap: TokenCount,
    ) -> Vec<(Strength, Option<Digest>)> {
        if summarizer.is_deterministic() {
            return vec![(Strength::Normal, None)];
        }
        let (strength, focus) = (Strength::Normal, self.focus.as_deref());
        let strengths = [strength, Strength::Tighter];
        let keys = Prompt { strength, cap, focus, pieces }.digests(strengths, summarizer.name());
        strengths.into_iter().zip(keys.map(Some)).collect()
    }
}

/// What the deterministic summarizer writes.
pub(super) async fn quoted(pieces: &[Piece], cap: TokenCount) -> Written {
    let text = Extractive::write(pieces, cap).await.into();
    Written { text, by: Authors::extractive() }
}

/// One call of a summarizer, under a permit of the house's account unless it takes its own. What it answers is a summary
/// within the cap, or it is of no use.
async fn ask(summarizer: &dyn Summarizer, request: SummaryRequest) -> Result<Arc<str>, Useless> {
    let cap = request.cap;
    let permit = if summarizer.takes_own_permits() {
        None
    } else {
        let amounts = Amounts::new(request.tokens.0, chunk::limit(cap).0);
        let permit = request.errand.permit(Key::of(HOUSE), amounts).await;
        Some(permit.map_err(|error| Useless::Failed(error.to_string()))?)
    };
    let answer = unwinding(async { summarizer.summarize(request).await }).await;
    if let Some(permit) = permit {
        let ended = matches!(&answer, Ok(Ok(_))).then_some(Ending::Answered);
        permit.finish(Report::of(ended.unwrap_or(Ending::Abandoned)));
    }
    let answer =
        answer.map_err(|panic| Useless::Failed(format!("the summarizer panicked: {panic}")))?;
    let answer = answer.map_err(|error| {
        let of = if error.is_unusable() { Useless::NotAccepted } else { Useless::Failed };
        of(error.to_string())
    })?;
    let text = accept(&answer.text, answer.finish, cap)
        .map_err(|why| Useless::NotAccepted(why.to_string()))?;
    Ok(text.into())
}
