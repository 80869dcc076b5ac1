//! Which entries of a session a model may see, kept naively: what was appended, less what was rewound and cleared (V14).

use highwater_protocol::Seq;

/// The live branch of a session that begins with one entry of instructions.
#[derive(Clone, Debug, Default)]
pub(super) struct Branch {
    /// Entries that no rewind took off, rising.
    live: Vec<u64>,
    /// For each clear the last entry of the branch when it happened, rising.
    clears: Vec<u64>,
}

impl Branch {
    /// The next entry was appended.
    pub(super) fn appended(&mut self, seq: Seq) {
        self.live.push(seq.0);
    }

    /// Everything behind an entry has left, and what was cleared behind it is back.
    pub(super) fn rewound(&mut self, to: Seq) {
        self.live.retain(|seq| *seq <= to.0);
        self.clears.retain(|clear| *clear <= to.0);
    }

    /// Everything but the instructions has left.
    pub(super) fn cleared(&mut self) {
        self.clears.push(self.live.last().copied().unwrap_or(0));
    }

    /// What a model may see, rising.
    pub(super) fn shown(&self) -> impl Iterator<Item = u64> {
        let cleared = self.clears.last().copied().unwrap_or(0);
        self.live.iter().copied().filter(move |seq| *seq == Seq::FIRST.0 || *seq > cleared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewinds_and_clears_leave_what_they_say() {
        let mut branch = Branch::default();
        let shown = |branch: &Branch| branch.shown().collect::<Vec<u64>>();
        (1..=5).for_each(|seq| branch.appended(Seq(seq)));
        branch.rewound(Seq(3));
        branch.appended(Seq(6));
        assert_eq!(shown(&branch), [1, 2, 3, 6]);
        branch.cleared();
        branch.appended(Seq(7));
        assert_eq!(shown(&branch), [1, 7]);
        branch.rewound(Seq(3));
        assert_eq!(shown(&branch), [1, 2, 3], "a rewind to before a clear brings everything back");
    }
}
