//! The live branch: which entries a rewind has taken off it, and what of the log a later rewind undoes (V14).

use crate::position::{LogPos, Seq, SeqRange};

/// The entries that are on the live branch: all but those that a rewind took off.
#[derive(Clone, Debug, Default)]
pub(crate) struct Branch {
    head: Seq,
    /// In rising order, neither touching nor overlapping.
    dead: Vec<SeqRange>,
}

impl Branch {
    /// A branch with these entries off it; `None` when they are not in order, or not behind the head.
    pub(crate) fn restored(head: Seq, dead: &[SeqRange]) -> Option<Self> {
        let in_order = dead.is_sorted_by(|one, next| one.end < next.start)
            && dead.iter().all(|range| !range.is_empty() && range.start >= Seq::FIRST)
            && dead.last().is_none_or(|range| range.end <= head.next());
        in_order.then(|| Self { head, dead: dead.to_vec() })
    }

    /// The entries that are not on the branch.
    pub(crate) fn dead(&self) -> &[SeqRange] {
        &self.dead
    }

    /// The bytes of memory that it takes beside its own place.
    pub(crate) fn weight(&self) -> usize {
        self.dead.len() * size_of::<SeqRange>()
    }

    /// The last entry ever numbered (L1).
    pub(crate) fn head(&self) -> Seq {
        self.head
    }

    /// The last entry of the live branch; zero when it is empty.
    pub(crate) fn tip(&self) -> Seq {
        let behind = self.dead.last().filter(|range| range.end == self.head.next());
        behind.map_or(self.head, |range| range.start.prev())
    }

    /// The next entry joins the branch.
    pub(crate) fn grow(&mut self) {
        self.head = self.head.next();
    }

    /// Everything behind `to` leaves the branch. The caller has checked that `to` is on it.
    pub(crate) fn rewind(&mut self, to: Seq) {
        self.dead.retain(|range| range.start <= to);
        self.dead.push(SeqRange::new(to.next(), self.head.next()));
    }

    /// Whether an entry is on the branch. Zero, before the first entry, always is.
    pub(crate) fn is_live(&self, seq: Seq) -> bool {
        let behind = self.dead.partition_point(|range| range.start <= seq);
        seq <= self.head && !(behind > 0 && self.dead[behind - 1].contains(seq))
    }
}

/// The rewinds of a log, as far as they matter: for each position the lowest entry that a later one goes back to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewinds {
    /// In log order; the entries that they go back to rise too, since a later rewind that goes further back undoes all
    /// that an earlier one undid.
    rewinds: Vec<(LogPos, Seq)>,
    /// All rewinds before this position are known.
    known: LogPos,
}

impl Rewinds {
    /// These rewinds, and no others before a position; `None` when they are not in order.
    pub(crate) fn restored(rewinds: &[(LogPos, Seq)], known: LogPos) -> Option<Self> {
        let in_order = rewinds.is_sorted_by(|one, next| one.0 < next.0 && one.1 < next.1)
            && rewinds.last().is_none_or(|(at, _)| *at < known);
        in_order.then(|| Self { rewinds: rewinds.to_vec(), known })
    }

    /// Those before a position. They are all that matter there as long as no later one goes back as far as one of them.
    pub(crate) fn before(&self, at: LogPos) -> &[(LogPos, Seq)] {
        &self.rewinds[..self.rewinds.partition_point(|(known, _)| *known < at)]
    }

    /// The lowest entry that one at or behind a position goes back to.
    pub(crate) fn lowest_from(&self, at: LogPos) -> Option<Seq> {
        let before = self.rewinds.partition_point(|(known, _)| *known < at);
        self.rewinds.get(before).map(|(_, to)| *to)
    }

    /// The bytes of memory that they take beside their own place.
    pub(crate) fn weight(&self) -> usize {
        self.rewinds.len() * size_of::<(LogPos, Seq)>()
    }

    /// All rewinds before this position are known.
    pub(crate) fn known(&self) -> LogPos {
        self.known
    }

    /// Notes the rewind at a position behind all that are known.
    pub(crate) fn note(&mut self, at: LogPos, to: Seq) {
        while self.rewinds.last().is_some_and(|(_, known)| *known >= to) {
            self.rewinds.pop();
        }
        self.rewinds.push((at, to));
    }

    /// Says that there are no others before a position.
    pub(crate) fn know(&mut self, end: LogPos) {
        self.known = self.known.max(end);
    }

    /// Whether the rewind at this position is among them.
    pub(crate) fn knows(&self, at: LogPos) -> bool {
        at < self.known
    }

    /// The last entry that survives of what the log says at a position.
    pub(crate) fn limit(&self, at: LogPos) -> Seq {
        let behind = self.rewinds.partition_point(|(known, _)| *known <= at);
        self.rewinds.get(behind).map_or(Seq(u64::MAX), |(_, to)| *to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grown(branch: &mut Branch, entries: u64) {
        (0..entries).for_each(|_| branch.grow());
    }

    #[test]
    fn numbers_go_on_behind_a_rewind_and_what_it_took_off_stays_off() {
        let mut branch = Branch::default();
        grown(&mut branch, 10);
        branch.rewind(Seq(6));
        assert_eq!((branch.head(), branch.tip()), (Seq(10), Seq(6)));
        grown(&mut branch, 2);
        assert_eq!((branch.head(), branch.tip()), (Seq(12), Seq(12)));
        let live =
            |branch: &Branch| (0..=13).filter(|seq| branch.is_live(Seq(*seq))).collect::<Vec<_>>();
        assert_eq!(live(&branch), [0, 1, 2, 3, 4, 5, 6, 11, 12]);
        branch.rewind(Seq(11));
        assert_eq!(branch.tip(), Seq(11));
        branch.rewind(Seq(6));
        assert_eq!((branch.tip(), live(&branch)), (Seq(6), vec![0, 1, 2, 3, 4, 5, 6]));
        branch.rewind(Seq::ZERO);
        grown(&mut branch, 1);
        assert_eq!((branch.tip(), live(&branch)), (Seq(13), vec![0, 13]));
    }

    #[test]
    fn what_survives_is_set_by_the_lowest_rewind_that_comes_later() {
        let mut rewinds = Rewinds::default();
        for (at, to) in [(10, 5), (20, 8), (30, 7), (40, 30)] {
            rewinds.note(LogPos(at), Seq(to));
        }
        let limits = [0, 9, 10, 29, 30, 39].map(|at| rewinds.limit(LogPos(at)).0);
        assert_eq!(limits, [5, 5, 7, 7, 30, 30]);
        assert_eq!(rewinds.limit(LogPos(40)), Seq(u64::MAX), "nothing undoes what comes behind");
    }
}
