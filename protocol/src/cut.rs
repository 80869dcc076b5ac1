//! Planning a cut: the largest legal boundary at or below a high-water mark (V2), and what a pass over it would cover.

use std::fmt;

use crate::budget::Budget;
use crate::group::Group;
use crate::ids::Digest;
use crate::position::{Seq, SeqRange, SeqSpans};
use crate::stretch::Stretch;
use crate::tokens::TokenCount;
use crate::view::{Away, Span, View};

/// A legal cut. Made only by [`plan`], so holding one is proof that no group spans it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    covers: SeqRange,
    spans: Vec<Span>,
    digest: Digest,
    tokens: TokenCount,
    moved_back: Option<MovedBack>,
}

impl Cut {
    /// From the first entry that a pass covers to the cut, earlier summaries included. Pinned entries may stand in
    /// between; [`Cut::pieces`] leaves them out.
    pub fn covers(&self) -> SeqRange {
        self.covers
    }

    /// The entries that each summary of the pass will stand for, in the order of the view.
    pub fn pieces(&self) -> impl Iterator<Item = &SeqSpans> {
        self.spans.iter().map(|span| &span.covers)
    }

    /// The texts that a pass takes and that have left memory.
    pub(crate) fn away(&self, view: &View) -> Away {
        view.away_of_spans(&self.spans)
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

/// Between pinned groups a stretch below this size stays as it is: its summary would hardly be smaller.
const MIN_STRETCH_TOKENS: TokenCount = TokenCount(192);

/// The largest legal cut at or below `mark`; `None` when it would cover nothing that is not covered already.
pub fn plan(view: &View, mark: Seq) -> Option<Cut> {
    let cut = legal_at_or_below(view, mark)?;
    let mut spans = view.spans(cut);
    let is_divided = spans.len() > 1;
    let mut tokens = TokenCount::ZERO;
    spans.retain(|span| {
        let shown = view.measure(span).shown_tokens;
        let is_new = view.groups_in(span).next().is_some();
        let kept = is_new && (!is_divided || shown >= MIN_STRETCH_TOKENS);
        tokens += if kept { shown } else { TokenCount::ZERO };
        kept
    });
    let start = spans.first()?.starts.start;
    let moved_back = spanning(view, cut, mark).map(|group| MovedBack {
        from: mark,
        to: cut,
        why: binding(view, group, mark),
    });
    let (covers, digest) = (SeqRange::inclusive(start, cut), view.digest_at(cut));
    Some(Cut { covers, spans, digest, tokens, moved_back })
}

/// The mark at which what stays verbatim, together with a summary of full size, meets the landing mark. At least the
/// newest group stays.
pub fn automatic_mark(view: &View, budget: &Budget) -> Seq {
    let fixed = view.fixed_tokens() + budget.summary_cap();
    let room = budget.landing().saturating_sub(fixed);
    let mut kept = TokenCount::ZERO;
    let mut mark = view.head();
    for group in view.compactable_groups().rev().filter(|group| !group.is_pinned()) {
        let (said, shown) = (group.said_tokens(), group.tokens());
        // One that is shown as it was said and fits whole need not be looked into.
        if said <= shown && kept + said <= room {
            kept += said;
            mark = mark.min(group.first().prev());
            continue;
        }
        for member in group.members().iter().rev() {
            let share = member.said.tokens().min(shown);
            if kept + share > room && mark < view.head() {
                return mark;
            }
            kept += share;
            mark = mark.min(member.seq.prev());
        }
    }
    Seq::ZERO
}

/// The size of the summaries that stay as they are when a cut is spliced.
pub fn kept_summary_tokens(view: &View, cut: &Cut) -> TokenCount {
    let replaced = cut.spans.iter().flat_map(|span| view.standing_in(span));
    let replaced: TokenCount = replaced.map(|standing| standing.tokens).sum();
    view.summary_tokens().saturating_sub(view.register_measure().shown_tokens + replaced)
}

/// What a cut covers, for the summarizer. `cap` is the most that all summaries may take together; each gets a share by
/// what it stands for, and at most half of that (V12). `None` when a text that is covered has left memory.
pub fn stretches(view: &View, cut: &Cut, cap: TokenCount) -> Option<Vec<Stretch>> {
    let stretch = |span: &Span| {
        let shown = view.measure(span).shown_tokens;
        let share = cap.0.saturating_mul(shown.0) / cut.tokens.0.max(1);
        let cap = TokenCount(share.max(MIN_STRETCH_TOKENS.0 / 3).min(shown.0 / 2));
        Some(Stretch { covers: span.covers.clone(), parts: view.parts(span)?, cap })
    };
    cut.spans.iter().map(stretch).collect()
}

fn legal_at_or_below(view: &View, mark: Seq) -> Option<Seq> {
    let live = view.boundaries_behind_frozen();
    let below = |boundaries: &[Seq]| {
        let behind = boundaries.partition_point(|boundary| *boundary <= mark);
        behind.checked_sub(1).map(|last| boundaries[last])
    };
    below(&live).max(below(view.boundaries()))
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
    let called = |id: &str| before().any(|member| member.said.calls().any(|(c, _)| c == id));
    if behind().any(|member| member.said.results().any(called)) {
        return Binding::CallAndResult;
    }
    let shared = |id: &str| before().any(|m| m.said.message_id() == Some(id));
    if behind().any(|member| member.said.message_id().is_some_and(shared)) {
        return Binding::OneMessage;
    }
    Binding::Reasoning
}
