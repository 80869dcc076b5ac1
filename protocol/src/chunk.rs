//! Dividing what a pass covers into pieces that fit the summarizer's window, at group boundaries.

use std::ops::Range;

use crate::stretch::CoveredGroup;
use crate::tokens::TokenCount;

/// Ranges of groups, each below `window` tokens where its groups allow it: a single group over the window is a chunk of
/// its own. Every group lies in exactly one chunk, in order.
pub fn chunks(groups: &[CoveredGroup], window: TokenCount) -> Vec<Range<usize>> {
    let mut chunks = Vec::new();
    let mut start = 0;
    let mut size = TokenCount::ZERO;
    for (index, group) in groups.iter().enumerate() {
        if index > start && size + group.tokens > window {
            chunks.push(start..index);
            start = index;
            size = TokenCount::ZERO;
        }
        size += group.tokens;
    }
    if start < groups.len() {
        chunks.push(start..groups.len());
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sizes: &[u64], window: u64, expected: &[Range<usize>]) {
        let groups: Vec<CoveredGroup> = sizes
            .iter()
            .map(|size| CoveredGroup { members: Vec::new(), tokens: TokenCount(*size) })
            .collect();
        assert_eq!(chunks(&groups, TokenCount(window)), expected, "{sizes:?} in {window}");
    }

    #[test]
    fn chunks_fill_the_window_and_keep_the_order() {
        check(&[], 10, &[]);
        check(&[4, 4, 4], 10, &[0..2, 2..3]);
        check(&[10, 1], 10, &[0..1, 1..2]);
        check(&[3, 3, 3, 3], 100, std::slice::from_ref(&(0..4)));
    }

    #[test]
    fn a_group_over_the_window_is_a_chunk_of_its_own() {
        check(&[2, 50, 2], 10, &[0..1, 1..2, 2..3]);
    }
}
