//! Checking a splice before it is committed (V3, V4): against the view as it is now, not as the pass saw it.

use crate::budget::Budget;
use crate::group::Group;
use crate::ids::{Digest, PassId};
use crate::pass::Refused;
use crate::position::{Seq, SeqRange};
use crate::summary::Summary;
use crate::tokens::TokenCount;
use crate::view::View;

/// What a legal splice does to the size of the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The view before.
    pub before: TokenCount,
    /// The view after.
    pub after: TokenCount,
}

/// Whether `summary` may take the place of `covers` now: [`fits`], the summary is smaller in tokens and in bytes than
/// what it covers, and the view does not grow over the hard mark (V4).
///
/// What was elided meanwhile counts with the size that it was said with: a summary that tells more than a placeholder
/// is a gain.
pub fn check(
    view: &View,
    budget: &Budget,
    pass: PassId,
    covers: SeqRange,
    digest: &Digest,
    summary: &Summary,
) -> Result<Effect, Refused> {
    if summary.text.trim().is_empty() {
        return Err(Refused::Empty);
    }
    fits(view, covers, digest)?;
    let covered = || view.compactable_groups().take_while(|group| group.first() <= covers.last());
    let standing_bytes = view.standing().map_or(0, |standing| standing.note.len());
    let said_tokens = view.summary_tokens() + covered().map(Group::said_tokens).sum::<TokenCount>();
    let said_bytes = standing_bytes + covered().map(Group::said_bytes).sum::<usize>();
    let tokens = summary.tokens(pass, covers);
    if tokens >= said_tokens || summary.note(pass, covers).len() >= said_bytes {
        return Err(Refused::NotSmaller);
    }
    let shown = view.summary_tokens() + covered().map(Group::tokens).sum::<TokenCount>();
    let before = view.tokens();
    let after = before.saturating_sub(shown) + tokens;
    if after >= before && after > budget.hard() {
        return Err(Refused::NotSmaller);
    }
    Ok(Effect { before, after })
}

/// Whether a splice of `covers` belongs to this view: the digest chain at its end is the one that the pass saw (V3), it
/// begins where it must (V1), and no group is torn (V2). This much is also required of a stored splice, whatever sizes
/// are estimated at by the version that reads it.
pub fn fits(view: &View, covers: SeqRange, digest: &Digest) -> Result<(), Refused> {
    if view.digest_at(covers.last()) != *digest || !begins_where_cover_begins(view, covers) {
        return Err(Refused::Stale);
    }
    if !groups_whole(view, covers.last()) {
        return Err(Refused::TornGroup);
    }
    Ok(())
}

/// V1: a splice covers from the end of the instructions on, so that nothing between is left out or shown twice.
fn begins_where_cover_begins(view: &View, covers: SeqRange) -> bool {
    let start = view.covered().map_or(view.instructions_end().next(), |covered| covered.start);
    let grows = view.covered().is_none_or(|covered| covers.last() > covered.last());
    covers.start == start && grows && covers.last() <= view.head()
}

/// V2: every group lies whole on one side of the cut, and no covered call waits for its result.
fn groups_whole(view: &View, cut: Seq) -> bool {
    view.compactable_groups()
        .take_while(|group| group.first() <= cut)
        .all(|group| group.last() <= cut && group.is_closed())
}
