//! Checking a splice before it is committed (V3, V4): against the view as it is now, not as the pass saw it.

use crate::budget::Budget;
use crate::ids::{Digest, PassId};
use crate::pass::Refused;
use crate::position::Seq;
use crate::record::Replacement;
use crate::register::{self, Fact};
use crate::tokens::{self, TokenCount};
use crate::view::View;

/// What a pass wants to put into the view.
#[derive(Clone, Copy, Debug)]
pub struct Proposal<'a> {
    /// Which pass.
    pub pass: PassId,
    /// The last entry that it covers.
    pub cut: Seq,
    /// The digest chain at the cut when it was planned (V3).
    pub digest: &'a Digest,
    /// The summaries, in the order of the view.
    pub pieces: &'a [Replacement],
    /// What is still under way (V8).
    pub facts: &'a [Fact],
}

/// What a legal splice does to the size of the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The view before.
    pub before: TokenCount,
    /// The view after.
    pub after: TokenCount,
}

/// Whether a proposal may take its place now: [`fits`], the summaries and what is told behind them are smaller in tokens
/// and in bytes than what they replace, and the view does not grow over the hard mark (V4).
///
/// What was elided meanwhile counts with the size that it was said with: a summary that tells more than a placeholder
/// is a gain.
pub fn check(view: &View, budget: &Budget, proposal: &Proposal<'_>) -> Result<Effect, Refused> {
    let pieces = proposal.pieces;
    if pieces.is_empty() || pieces.iter().any(|piece| piece.summary.text.trim().is_empty()) {
        return Err(Refused::Empty);
    }
    fits(view, proposal.cut, proposal.digest, pieces)?;
    let mut replaced = view.register_measure();
    for span in view.spans(proposal.cut) {
        if pieces.iter().any(|piece| piece.covers == span.covers) {
            replaced.join(&view.measure(&span));
        }
    }
    let notes = pieces.iter().map(|piece| piece.summary.note(proposal.pass, &piece.covers));
    let (mut tokens, mut bytes) = (TokenCount::ZERO, 0);
    for note in notes.chain(register::note(proposal.facts)) {
        tokens += tokens::estimate(&note) + tokens::BLOCK_OVERHEAD_TOKENS;
        bytes += note.len();
    }
    if tokens >= replaced.said_tokens || bytes >= replaced.said_bytes {
        return Err(Refused::NotSmaller);
    }
    let before = view.tokens();
    let after =
        before.saturating_sub(replaced.shown_tokens) + tokens + view.told_anew_behind(proposal.cut);
    if after >= before && after > budget.hard() {
        return Err(Refused::NotSmaller);
    }
    Ok(Effect { before, after })
}

/// Whether a splice belongs to this view: the digest chain at its cut is the one that the pass saw (V3), every piece
/// stands for exactly what lies between two places that stay verbatim (V1, V13), and no group is torn (V2). This much is
/// also required of a stored splice, whatever sizes are estimated at by the version that reads it.
pub fn fits(view: &View, cut: Seq, digest: &Digest, pieces: &[Replacement]) -> Result<(), Refused> {
    if view.digest_at(cut) != *digest || cut > view.head() {
        return Err(Refused::Stale);
    }
    let mut spans = view.spans(cut).into_iter();
    for piece in pieces {
        let span = spans.find(|span| span.covers == piece.covers).ok_or(Refused::Stale)?;
        view.groups_in(&span).next().ok_or(Refused::Stale)?;
    }
    if view.is_boundary(cut) { Ok(()) } else { Err(Refused::TornGroup) }
}
