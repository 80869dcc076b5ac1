//! Checks of every answered context, made from what was handed out alone: each visible entry shown exactly once (V1), each
//! call with its result (V2), nothing above the hard mark (V10), nothing changed that was shown before (P1). Holds some
//! bytes for each block, and none of the house's texts.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Weak};

use highwater_protocol::{Context, Segment, Shown, TokenCount};

use super::branch::Branch;
use crate::replay::breach_of_pairs;

/// Watches the contexts of one session.
#[derive(Clone, Debug)]
pub(super) struct Checker {
    hard: TokenCount,
    /// The segments of the last context. They never change, so that one that is shown again needs no second look.
    last: Vec<Seen>,
    resets: u64,
}

/// A segment that was looked at.
#[derive(Clone, Debug)]
struct Seen {
    segment: Weak<Segment>,
    /// A hash of each block.
    blocks: Vec<u64>,
}

impl Checker {
    /// For a session whose contexts must not be larger.
    pub(super) fn new(hard: TokenCount) -> Self {
        Self { hard, last: Vec::new(), resets: 0 }
    }

    /// A context was answered: what is wrong with it.
    pub(super) fn breaches(&mut self, context: &Context, branch: &Branch) -> Vec<String> {
        let mut found = Vec::new();
        found.extend(shown_once(context, branch));
        if context.tokens > self.hard {
            found.push(format!("V10: {} is above the hard mark", context.tokens));
        }
        let mut seen = Vec::with_capacity(context.segments.len());
        for segment in &context.segments {
            seen.push(self.known(segment).unwrap_or_else(|| {
                let pairs = breach_of_pairs(&segment.blocks, context.format);
                found.extend(pairs.map(|what| format!("V2: {what}")));
                Seen { segment: Arc::downgrade(segment), blocks: hashes(segment) }
            }));
        }
        if self.resets == context.resets {
            found.extend(prefix_kept(&self.last, &seen));
        }
        (self.last, self.resets) = (seen, context.resets);
        found.iter().map(|what| format!("context {}: {what}", context.call.0)).collect()
    }

    fn known(&self, segment: &Arc<Segment>) -> Option<Seen> {
        let address = Arc::as_ptr(segment);
        // What is held weakly keeps its address.
        self.last.iter().find(|seen| seen.segment.as_ptr() == address).cloned()
    }
}

fn hashes(segment: &Segment) -> Vec<u64> {
    let blocks = segment.blocks.iter().map(|block| {
        let mut hasher = DefaultHasher::new();
        (block.role, &block.json).hash(&mut hasher);
        hasher.finish()
    });
    blocks.collect()
}

fn prefix_kept(before: &[Seen], now: &[Seen]) -> Option<String> {
    let before: Vec<u64> = before.iter().flat_map(|seen| &seen.blocks).copied().collect();
    let now = now.iter().flat_map(|seen| &seen.blocks);
    let same = before.iter().zip(now).take_while(|(before, now)| before == now).count();
    (same < before.len()).then(|| format!("P1: block {} changed without a reset", same + 1))
}

/// Each entry that a model may see once, and no other.
fn shown_once(context: &Context, branch: &Branch) -> Option<String> {
    let expected: Vec<u64> = branch.shown().collect();
    let mut shown: Vec<u64> = Vec::with_capacity(expected.len());
    for segment in &context.segments {
        match &segment.shown {
            Shown::Entries(entries) | Shown::Elided(entries) => {
                shown.extend(entries.iter().map(|seq| seq.0));
            }
            Shown::Summary(covers) => {
                // Its ranges span what was rewound or cleared; it stands for the live ones in them.
                for range in covers.ranges() {
                    let from = expected.partition_point(|seq| *seq < range.start.0);
                    let to = expected.partition_point(|seq| *seq < range.end.0);
                    shown.extend(&expected[from..to.max(from)]);
                }
            }
            Shown::Register => {}
        }
    }
    shown.sort_unstable();
    if shown == expected {
        return None;
    }
    let same = shown.iter().zip(&expected).take_while(|(shown, expected)| shown == expected);
    let at = same.count();
    let (shown, expected) = (shown.get(at), expected.get(at));
    Some(match (shown, expected) {
        (Some(shown), Some(expected)) if shown > expected => {
            format!("V1: entry {expected} is not shown")
        }
        (Some(shown), _) => format!("V1: entry {shown} is shown twice, or is not on the branch"),
        (None, expected) => format!("V1: entry {} is not shown", expected.unwrap_or(&0)),
    })
}

#[cfg(test)]
mod tests;
