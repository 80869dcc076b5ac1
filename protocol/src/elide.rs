//! The fallback at the hard mark (V10): what to show as placeholders so that a context fits without waiting for a
//! summary. Deterministic: the same view and marks give the same choice, and the placeholders name no time.

use crate::budget::Budget;
use crate::group::{self, Group};
use crate::outline::{Kind, Sketch};
use crate::position::{Seq, SeqSpans};
use crate::tokens::TokenCount;
use crate::view::View;

#[cfg(test)]
mod tests;

/// About what a result's placeholder takes.
pub(crate) const RESULT_PLACEHOLDER_TOKENS: u64 = 96;

/// About what the placeholder of a run of groups takes.
pub(crate) const RUN_PLACEHOLDER_TOKENS: u64 = 32;

/// Results below this size are not worth a placeholder of their own.
const LARGE_RESULT_TOKENS: u64 = 4 * RESULT_PLACEHOLDER_TOKENS;

/// What to elide.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Elision {
    /// Entries whose results become placeholders.
    pub(crate) results: Vec<Seq>,
    /// First entries of the groups that become placeholders.
    pub(crate) groups: Vec<Seq>,
}

/// Why a view cannot be made to fit, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breakdown {
    /// Instructions of the host, which are never elided.
    pub instructions: TokenCount,
    /// The standing summary.
    pub summary: TokenCount,
    /// Groups that may not be elided: the last user message, open calls, and what is pinned.
    pub protected: TokenCount,
    /// Everything else, as placeholders.
    pub elidable: TokenCount,
    /// The hard mark that the sum exceeds.
    pub hard: TokenCount,
}

/// Chooses what to elide so that the view shrinks to the landing mark, or as near to it as can be.
///
/// `extra` is what the answer will add to the view's present size. `Ok(None)` when the view fits as it is; the
/// breakdown when even the smallest form exceeds the hard mark.
pub(crate) fn plan(
    view: &View,
    budget: &Budget,
    extra: TokenCount,
) -> Result<Option<Elision>, Breakdown> {
    let mut size = view.tokens() + extra;
    if size <= budget.hard() {
        return Ok(None);
    }
    let last_user = view.groups().rfind(|group| group.has_user_words()).map(Group::first);
    let is_protected = |group: &&Group| {
        Some(group.first()) == last_user || !group.is_closed() || group.is_pinned()
    };
    let candidates = || {
        let shown = view.compactable_groups().filter(|group| !group.is_elided());
        shown.filter(|group| !is_protected(group))
    };
    let mut elision = Elision::default();
    for (seq, saving) in candidates().flat_map(large_results) {
        if size <= budget.landing() {
            break;
        }
        elision.results.push(seq);
        size = size.saturating_sub(saving);
    }
    let mut in_run = false;
    let mut summaries = view.summaries().map(SeqSpans::first).peekable();
    for group in view.compactable_groups() {
        while summaries.next_if(|start| *start < group.first()).is_some() {
            in_run = false;
        }
        if group.is_elided() || is_protected(&group) {
            in_run = group.is_elided();
            continue;
        }
        if size <= budget.landing() {
            break;
        }
        let placeholder =
            if in_run { TokenCount::ZERO } else { TokenCount(RUN_PLACEHOLDER_TOKENS) };
        let shown = shown_after(group, &elision);
        in_run = placeholder < shown;
        if in_run {
            elision.groups.push(group.first());
            size = size.saturating_sub(shown - placeholder);
        }
    }
    if size > budget.hard() {
        let behind = view.compactable_groups();
        let protected: TokenCount = behind.filter(is_protected).map(Group::tokens).sum();
        let instructions = view.instruction_tokens();
        let fixed = instructions + view.summary_tokens() + protected;
        return Err(Breakdown {
            instructions,
            summary: view.summary_tokens(),
            protected,
            elidable: size.saturating_sub(fixed),
            hard: budget.hard(),
        });
    }
    Ok(Some(elision))
}

/// What stand-ins for so many open calls add to a view.
pub(crate) fn stand_ins_tokens(calls: usize) -> TokenCount {
    TokenCount(group::stand_in_tokens().0 * calls as u64)
}

/// The entries of a group with large results that are still shown, and what a placeholder saves on each.
fn large_results(group: &Group) -> impl Iterator<Item = (Seq, TokenCount)> {
    group.members().iter().filter_map(|member| {
        if group.results_elided(member.seq) {
            return None;
        }
        let parts = || member.said.sketches();
        let is_large = parts().any(|part| part.is_result() && part.tokens.0 >= LARGE_RESULT_TOKENS);
        let saving: TokenCount = parts().map(|part| part.tokens - shown_result_tokens(&part)).sum();
        is_large.then_some((member.seq, saving))
    })
}

fn shown_after(group: &Group, elision: &Elision) -> TokenCount {
    let saved: TokenCount = large_results(group)
        .filter(|(seq, _)| elision.results.contains(seq))
        .map(|(_, saving)| saving)
        .sum();
    group.tokens().saturating_sub(saved)
}

/// What stands for an elided result: which entry holds it, what it was, how large, and how it begins.
pub(crate) fn result_placeholder(seq: Seq, tool: &str, part: &Sketch<&str>) -> String {
    let Kind::Result { bytes, preview, .. } = part.kind else {
        return String::new();
    };
    let tool: String = tool.chars().take(64).collect();
    format!(
        "[elided: result of {tool:?}, {bytes} bytes, kept whole as entry {seq}; it begins: {preview:?}]"
    )
}

/// As much of a result as its placeholder tells.
pub(crate) fn preview(text: &str) -> &str {
    text.char_indices().nth(80).map_or(text, |(end, _)| &text[..end])
}

/// What stands for a run of elided groups.
pub(crate) fn run_placeholder(first: Seq, last: Seq, entries: usize) -> String {
    format!("[elided: {entries} entries, {first} to {last}; kept whole in the history]")
}

/// What a part takes once the results of its entry are elided.
pub(crate) fn shown_result_tokens(part: &Sketch<&str>) -> TokenCount {
    let Kind::Result { call, .. } = part.kind else {
        return part.tokens;
    };
    let placeholder = TokenCount(RESULT_PLACEHOLDER_TOKENS) + crate::tokens::estimate(call);
    part.tokens.min(placeholder)
}
