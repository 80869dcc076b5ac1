//! Planning a cut: the largest legal boundary at or below a high-water mark (V2), and what a pass over it would cover.

use std::fmt;
use std::sync::Arc;

use crate::budget::Budget;
use crate::group::Group;
use crate::ids::Digest;
use crate::position::{Seq, SeqRange};
use crate::stretch::{Covered, CoveredGroup, Stretch};
use crate::tokens::TokenCount;
use crate::view::View;

/// A legal cut. Made only by [`plan`], so holding one is proof that no group spans it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    covers: SeqRange,
    digest: Digest,
    tokens: TokenCount,
    moved_back: Option<MovedBack>,
}

impl Cut {
    /// What a pass covers: everything behind the instructions up to the cut, an earlier summary included.
    pub fn covers(&self) -> SeqRange {
        self.covers
    }

    /// The digest chain at the cut (V3).
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The size of what is shown of the covered part now.
    pub fn tokens(&self) -> TokenCount {
        self.tokens
    }

    /// Why the cut lies before the mark that was asked for, if it does.
    pub fn moved_back(&self) -> Option<&MovedBack> {
        self.moved_back.as_ref()
    }
}

/// How far and why a cut moved back from the mark that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MovedBack {
    /// The mark that was asked for.
    pub from: Seq,
    /// Where the cut is.
    pub to: Seq,
    /// What holds the entries around the mark together.
    pub why: Binding,
}

/// What holds a group together at a place where somebody wanted to cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Binding {
    /// A call has no result yet.
    OpenCall,
    /// A call and its result stand on different sides.
    CallAndResult,
    /// Entries of one message stand on different sides.
    OneMessage,
    /// Reasoning and what it belongs to stand on different sides.
    Reasoning,
    /// The last message of the model may go on with the next entry.
    MayGoOn,
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenCall => "a call was open",
            Self::CallAndResult => "it fell between a call and its result",
            Self::OneMessage => "it fell inside one message",
            Self::Reasoning => "it fell behind reasoning that belongs to what follows",
            Self::MayGoOn => "the last message was not known to be complete",
        })
    }
}

/// The largest legal cut at or below `mark`; `None` when it would cover nothing that is not covered already.
pub fn plan(view: &View, mark: Seq) -> Option<Cut> {
    let cut = legal_at_or_below(view, mark)?;
    let start = view.covered().map_or(view.instructions_end().next(), |covered| covered.start);
    let covered = view.compactable_groups().take_while(|group| group.first() <= cut);
    let tokens = view.summary_tokens() + covered.map(Group::tokens).sum();
    let moved_back = spanning(view, cut, mark).map(|group| MovedBack {
        from: mark,
        to: cut,
        why: binding(view, group, mark),
    });
    Some(Cut {
        covers: SeqRange::inclusive(start, cut),
        digest: view.digest_at(cut),
        tokens,
        moved_back,
    })
}

/// The mark at which what stays verbatim, together with a summary of full size, meets the landing mark. At least the
/// newest group stays.
pub fn automatic_mark(view: &View, budget: &Budget) -> Seq {
    let fixed = view.instruction_tokens() + budget.summary_cap();
    let room = budget.landing().saturating_sub(fixed);
    let mut kept = TokenCount::ZERO;
    let mut mark = view.head();
    for group in view.compactable_groups().rev() {
        for member in group.members().iter().rev() {
            let share = member.message.tokens().min(group.tokens());
            if kept + share > room && mark < view.head() {
                return mark;
            }
            kept += share;
            mark = mark.min(member.seq.prev());
        }
    }
    Seq::ZERO
}

/// What a cut covers, for the summarizer, with the most that each summary may take.
pub fn stretches(view: &View, cut: &Cut, cap: TokenCount) -> Vec<Stretch> {
    let covered = view.compactable_groups().take_while(|group| group.first() <= cut.covers.last());
    let groups = covered.map(|group| {
        let members = group.members().iter();
        Covered::Group(CoveredGroup {
            members: members.map(|member| (member.seq, Arc::clone(&member.message))).collect(),
            tokens: group.said_tokens(),
        })
    });
    let standing = view.standing().map(|standing| standing.summary.text.as_ref().into());
    let parts = standing.map(Covered::Summary).into_iter().chain(groups).collect();
    vec![Stretch { covers: cut.covers.into(), parts, cap }]
}

fn legal_at_or_below(view: &View, mark: Seq) -> Option<Seq> {
    let live = view.boundaries_behind_frozen();
    let below = |boundaries: &[Seq]| {
        let behind = boundaries.partition_point(|boundary| *boundary <= mark);
        behind.checked_sub(1).map(|last| boundaries[last])
    };
    below(&live).or_else(|| below(view.boundaries()))
}

/// The first group behind the cut that reaches over the mark, or is not complete at or below it.
fn spanning(view: &View, cut: Seq, mark: Seq) -> Option<&Group> {
    view.groups_behind(cut)
        .take_while(|group| group.first() <= mark)
        .find(|group| group.last() > mark || !group.is_closed() || view.may_grow(group))
}

fn binding(view: &View, group: &Group, mark: Seq) -> Binding {
    if !group.is_closed() {
        return Binding::OpenCall;
    }
    if group.last() <= mark && view.may_grow(group) {
        return Binding::MayGoOn;
    }
    let before = || group.members().iter().take_while(|member| member.seq <= mark);
    let behind = || group.members().iter().skip_while(|member| member.seq <= mark);
    let called = |id: &str| before().any(|member| member.message.calls().any(|(c, _)| c == id));
    if behind().any(|member| member.message.results().any(called)) {
        return Binding::CallAndResult;
    }
    let shared = |id: &str| before().any(|m| m.message.message_id.as_deref() == Some(id));
    if behind().any(|member| member.message.message_id.as_deref().is_some_and(shared)) {
        return Binding::OneMessage;
    }
    Binding::Reasoning
}
