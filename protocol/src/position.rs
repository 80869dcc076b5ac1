//! Positions in a session: the number of an entry, and half-open ranges of such numbers.

use std::fmt;

/// The number of an entry in its session: dense from 1, never reused (L1). Zero stands before the first entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl Seq {
    /// Before the first entry.
    pub const ZERO: Self = Self(0);
    /// The first entry.
    pub const FIRST: Self = Self(1);

    /// The position after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The position before this one; zero stays zero.
    #[must_use]
    pub fn prev(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Entries from `start` up to but not including `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SeqRange {
    /// The first entry of the range.
    pub start: Seq,
    /// The first entry behind the range.
    pub end: Seq,
}

impl SeqRange {
    /// From `start` up to but not including `end`.
    pub fn new(start: Seq, end: Seq) -> Self {
        Self { start, end }
    }

    /// From `first` to `last`, both included.
    pub fn inclusive(first: Seq, last: Seq) -> Self {
        Self::new(first, last.next())
    }

    /// Whether the entry lies in the range.
    pub fn contains(&self, seq: Seq) -> bool {
        self.start <= seq && seq < self.end
    }

    /// The last entry of the range; meaningful only when it is not empty.
    pub fn last(&self) -> Seq {
        self.end.prev()
    }

    /// How many positions the range spans.
    pub fn len(&self) -> u64 {
        self.end.0.saturating_sub(self.start.0)
    }

    /// Whether the range spans nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for SeqRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.start, self.last())
    }
}

/// Entries as ranges in rising order that neither touch nor overlap: what one summary stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SeqSpans(Vec<SeqRange>);

impl SeqSpans {
    /// The entries of `ranges`, in any order; what touches is joined.
    pub fn of(ranges: impl IntoIterator<Item = SeqRange>) -> Self {
        let mut ranges: Vec<SeqRange> =
            ranges.into_iter().filter(|range| !range.is_empty()).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        let mut spans: Vec<SeqRange> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match spans.last_mut().filter(|last| range.start <= last.end) {
                Some(last) => last.end = last.end.max(range.end),
                None => spans.push(range),
            }
        }
        Self(spans)
    }

    /// These entries without those of `holes`, which are in rising order.
    #[must_use]
    pub fn without(&self, holes: &[SeqRange]) -> Self {
        let mut left = Vec::new();
        for range in &self.0 {
            let mut start = range.start;
            let from = holes.partition_point(|hole| hole.end <= range.start);
            for hole in holes[from..].iter().take_while(|hole| hole.start < range.end) {
                left.push(SeqRange::new(start, hole.start.max(start)));
                start = hole.end.max(start);
            }
            left.push(SeqRange::new(start, range.end.max(start)));
        }
        Self::of(left)
    }

    /// The bytes of memory that they take beside their own place.
    pub(crate) fn weight(&self) -> usize {
        self.0.len() * size_of::<SeqRange>()
    }

    /// The ranges, in rising order.
    pub fn ranges(&self) -> &[SeqRange] {
        &self.0
    }

    /// Whether the entry is one of them.
    pub fn contains(&self, seq: Seq) -> bool {
        let behind = self.0.partition_point(|range| range.start <= seq);
        behind > 0 && self.0[behind - 1].contains(seq)
    }

    /// The first entry; zero when there is none.
    pub fn first(&self) -> Seq {
        self.0.first().map_or(Seq::ZERO, |range| range.start)
    }

    /// The last entry; zero when there is none.
    pub fn last(&self) -> Seq {
        self.0.last().map_or(Seq::ZERO, SeqRange::last)
    }

    /// How many entries they are.
    pub fn len(&self) -> u64 {
        self.0.iter().map(SeqRange::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<SeqRange> for SeqSpans {
    fn from(range: SeqRange) -> Self {
        Self::of([range])
    }
}

impl fmt::Display for SeqSpans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{range}")?;
        }
        Ok(())
    }
}

/// A position in a session's log: the number of records before it. Everything below a durable
/// position survives a crash (L2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogPos(pub u64);

impl LogPos {
    /// The position `records` further on.
    #[must_use]
    pub fn advance(self, records: usize) -> Self {
        Self(self.0 + records as u64)
    }
}

impl fmt::Display for LogPos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "log position {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(ranges: &[(u64, u64)]) -> SeqSpans {
        SeqSpans::of(
            ranges.iter().map(|(first, last)| SeqRange::inclusive(Seq(*first), Seq(*last))),
        )
    }

    #[test]
    fn what_touches_is_joined_and_what_is_empty_left_out() {
        assert_eq!(spans(&[(7, 9), (1, 3), (4, 4), (6, 5)]), spans(&[(1, 4), (7, 9)]));
        let two = spans(&[(1, 4), (7, 9)]);
        assert_eq!((two.first(), two.last(), two.len()), (Seq(1), Seq(9), 7));
        let held: Vec<u64> = (0..=10).filter(|seq| two.contains(Seq(*seq))).collect();
        assert_eq!(held, [1, 2, 3, 4, 7, 8, 9]);
        assert_eq!(two.to_string(), "#1 to #4, #7 to #9");
    }

    #[test]
    fn holes_are_taken_out_wherever_they_lie() {
        for (holes, left) in [
            (vec![], vec![(1, 4), (7, 9)]),
            (vec![(1, 1), (9, 9)], vec![(2, 4), (7, 8)]),
            (vec![(2, 8)], vec![(1, 1), (9, 9)]),
            (vec![(0, 20)], vec![]),
            (vec![(5, 6), (8, 8)], vec![(1, 4), (7, 7), (9, 9)]),
        ] {
            let cut = spans(&[(1, 4), (7, 9)]).without(spans(&holes).ranges());
            assert_eq!(cut, spans(&left), "without {holes:?}");
        }
    }
}
