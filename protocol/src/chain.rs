//! The digest chain of a view (V3): d(i) = H(d(i-1), kind, Seq, content hash), over the summary and every visible entry.
//! How an entry is shown (verbatim, or elided to a placeholder) is not part of it, so that an elision never stales a pass.

use crate::ids::Digest;
use crate::position::{Seq, SeqRange};

/// A link of the chain: one visible entry.
#[derive(Clone, Copy, Debug)]
struct Link {
    seq: Seq,
    content: Digest,
    chain: Digest,
}

/// The chain from its base, which is nothing or a summary.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    base: Digest,
    links: Vec<Link>,
}

#[derive(Clone, Copy)]
enum Kind {
    Entry,
    Summary,
}

impl Chain {
    /// A chain over nothing.
    pub(crate) fn new() -> Self {
        Self { base: Digest::ZERO, links: Vec::new() }
    }

    /// Adds a visible entry at the end.
    pub(crate) fn push(&mut self, seq: Seq, content: Digest) {
        let chain = step(&self.end(), Kind::Entry, seq, &content);
        self.links.push(Link { seq, content, chain });
    }

    /// The chain over everything.
    pub(crate) fn end(&self) -> Digest {
        self.links.last().map_or(self.base, |link| link.chain)
    }

    /// The chain over everything up to a position.
    pub(crate) fn at(&self, cut: Seq) -> Digest {
        let behind = self.links.partition_point(|link| link.seq <= cut);
        behind.checked_sub(1).map_or(self.base, |last| self.links[last].chain)
    }

    /// The last visible entry that is not covered.
    pub(crate) fn last(&self) -> Option<Seq> {
        self.links.last().map(|link| link.seq)
    }

    /// Puts a summary in the place of what it covers, and chains the rest anew.
    pub(crate) fn rebase(&mut self, covers: SeqRange, summary: &Digest) {
        self.base = step(&Digest::ZERO, Kind::Summary, covers.last(), summary);
        self.links.retain(|link| !covers.contains(link.seq));
        let mut chain = self.base;
        for link in &mut self.links {
            chain = step(&chain, Kind::Entry, link.seq, &link.content);
            link.chain = chain;
        }
    }
}

fn step(previous: &Digest, kind: Kind, seq: Seq, content: &Digest) -> Digest {
    let kind = match kind {
        Kind::Entry => b"entry".as_slice(),
        Kind::Summary => b"summary".as_slice(),
    };
    Digest::of_parts(&[&previous.0, kind, &seq.0.to_le_bytes(), &content.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(contents: &[(u64, &str)]) -> Chain {
        let mut chain = Chain::new();
        for (seq, content) in contents {
            chain.push(Seq(*seq), Digest::of(content.as_bytes()));
        }
        chain
    }

    #[test]
    fn a_chain_at_a_position_does_not_see_what_comes_behind_it() {
        let short = chain(&[(1, "a"), (3, "b")]);
        let long = chain(&[(1, "a"), (3, "b"), (4, "c")]);
        assert_eq!(short.end(), long.at(Seq(3)));
        assert_ne!(short.end(), long.end());
        assert_eq!(long.at(Seq(2)), long.at(Seq(1)), "entries that nobody sees are not links");
    }

    #[test]
    fn content_place_and_order_all_count() {
        let base = chain(&[(1, "a"), (2, "b")]).end();
        for other in
            [[(1, "a"), (2, "c")], [(1, "b"), (2, "a")], [(1, "a"), (3, "b")], [(2, "a"), (3, "b")]]
        {
            assert_ne!(base, chain(&other).end(), "{other:?}");
        }
    }

    #[test]
    fn a_summary_takes_the_place_of_what_it_covers() {
        let covers = SeqRange::inclusive(Seq(1), Seq(2));
        let mut one = chain(&[(1, "a"), (2, "b"), (3, "c")]);
        let mut other = chain(&[(1, "x"), (2, "y"), (3, "c")]);
        one.rebase(covers, &Digest::of(b"gist"));
        other.rebase(covers, &Digest::of(b"gist"));
        assert_eq!(one.end(), other.end(), "what is covered counts through its summary alone");
        other.rebase(covers, &Digest::of(b"another gist"));
        assert_ne!(one.end(), other.end());
    }
}
