//! The digest chain of a view (V3): d(i) = H(d(i-1), kind, Seq, content hash), over the summary and every visible entry.
//! How an entry is shown (verbatim, or elided to a placeholder) is not part of it, so that an elision never stales a pass.

use crate::ids::Digest;
use crate::position::{Seq, SeqSpans};

/// A link of the chain: one visible entry, or one summary at the place of the last entry that it stands for.
#[derive(Clone, Copy, Debug)]
struct Link {
    seq: Seq,
    kind: Kind,
    content: Digest,
    chain: Digest,
}

/// The chain over a whole view.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain {
    links: Vec<Link>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Entry,
    Summary,
}

/// The bytes of memory that a link takes.
pub(crate) const LINK_BYTES: usize = size_of::<Link>();

impl Chain {
    /// The number of links.
    pub(crate) fn len(&self) -> usize {
        self.links.len()
    }

    /// Adds a visible entry at the end.
    pub(crate) fn push(&mut self, seq: Seq, content: Digest) {
        let chain = step(&self.end(), Kind::Entry, seq, &content);
        self.links.push(Link { seq, kind: Kind::Entry, content, chain });
    }

    /// The chain over everything.
    pub(crate) fn end(&self) -> Digest {
        self.links.last().map_or(Digest::ZERO, |link| link.chain)
    }

    /// The chain over everything up to a position.
    pub(crate) fn at(&self, cut: Seq) -> Digest {
        let behind = self.behind(cut);
        behind.checked_sub(1).map_or(Digest::ZERO, |last| self.links[last].chain)
    }

    /// The place of the last link.
    pub(crate) fn last(&self) -> Option<Seq> {
        self.links.last().map(|link| link.seq)
    }

    /// Gives a visible entry other content, and chains the rest anew.
    pub(crate) fn change(&mut self, seq: Seq, content: Digest) {
        let at = self.before(seq);
        if let Some(link) = self.links.get_mut(at).filter(|link| link.seq == seq) {
            link.content = content;
            self.chain_from(at);
        }
    }

    /// Puts summaries, each with the hash of what it says, in the place of what they cover, and chains the rest anew.
    pub(crate) fn splice(&mut self, pieces: &[(&SeqSpans, Digest)]) {
        let first = pieces.first().map_or(Seq::ZERO, |(covers, _)| covers.first());
        let from = self.before(first);
        // What is covered mostly lies together, so that the tail moves once or twice.
        for range in pieces.iter().flat_map(|(covers, _)| covers.ranges()) {
            let covered = self.before(range.start)..self.before(range.end);
            self.links.drain(covered);
        }
        for (covers, content) in pieces {
            let (seq, content) = (covers.last(), *content);
            let summary = Link { seq, kind: Kind::Summary, content, chain: Digest::ZERO };
            self.links.insert(self.before(seq), summary);
        }
        self.chain_from(from);
    }

    /// Forgets everything behind a position.
    pub(crate) fn truncate(&mut self, end: Seq) {
        self.links.truncate(self.behind(end));
    }

    fn before(&self, seq: Seq) -> usize {
        self.links.partition_point(|link| link.seq < seq)
    }

    fn behind(&self, seq: Seq) -> usize {
        self.links.partition_point(|link| link.seq <= seq)
    }

    fn chain_from(&mut self, from: usize) {
        let mut chain = from.checked_sub(1).map_or(Digest::ZERO, |before| self.links[before].chain);
        for link in &mut self.links[from..] {
            chain = step(&chain, link.kind, link.seq, &link.content);
            link.chain = chain;
        }
    }
}

/// The hash is keyed with the digest before it, so that each link takes one compression of BLAKE3.
fn step(previous: &Digest, kind: Kind, seq: Seq, content: &Digest) -> Digest {
    let mut link = [0; 41];
    link[0] = match kind {
        Kind::Entry => 1,
        Kind::Summary => 2,
    };
    link[1..9].copy_from_slice(&seq.0.to_le_bytes());
    link[9..].copy_from_slice(&content.0);
    Digest::keyed(previous, &link)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::SeqRange;

    fn chain(contents: &[(u64, &str)]) -> Chain {
        let mut chain = Chain::default();
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
        let covers = SeqSpans::of([SeqRange::inclusive(Seq(1), Seq(2))]);
        let mut one = chain(&[(1, "a"), (2, "b"), (3, "c")]);
        let mut other = chain(&[(1, "x"), (2, "y"), (3, "c")]);
        one.splice(&[(&covers, Digest::of(b"gist"))]);
        other.splice(&[(&covers, Digest::of(b"gist"))]);
        assert_eq!(one.end(), other.end(), "what is covered counts through its summary alone");
        other.splice(&[(&covers, Digest::of(b"another gist"))]);
        assert_ne!(one.end(), other.end());
    }

    #[test]
    fn a_change_shows_from_its_place_on_and_can_be_taken_back() {
        let before = chain(&[(1, "a"), (2, "b"), (3, "c")]);
        let mut changed = before.clone();
        changed.change(Seq(2), Digest::of(b"x"));
        assert_eq!(changed.at(Seq(1)), before.at(Seq(1)));
        assert_ne!(changed.at(Seq(2)), before.at(Seq(2)));
        assert_ne!(changed.end(), before.end());
        changed.change(Seq(2), Digest::of(b"b"));
        assert_eq!(changed.end(), before.end());
    }
}
