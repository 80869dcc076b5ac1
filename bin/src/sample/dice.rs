//! A tiny seeded generator (splitmix64): what is drawn varies, and is the same each time.

/// A stream of numbers that follows from its seed alone.
#[derive(Clone, Debug)]
pub(crate) struct Dice {
    state: u64,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `from` up to, but not including, `to`.
    pub(crate) fn within(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from)
    }

    /// One of `choices`, which must not be empty.
    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let count = u64::try_from(choices.len()).unwrap_or(u64::MAX);
        let index = usize::try_from(self.within(0, count)).unwrap_or(0);
        &choices[index]
    }

    /// A name of `length` signs from `alphabet`.
    pub(crate) fn name(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(*self.pick(alphabet))).collect()
    }

    /// A stream of its own, so that one reader's draws do not shift another's.
    pub(crate) fn split(&mut self) -> Self {
        Self::new(self.next())
    }

    /// Evenly from zero up to, but not including, one.
    pub(crate) fn share(&mut self) -> f64 {
        let bits = u32::try_from(self.next() >> 32).unwrap_or(u32::MAX);
        f64::from(bits) / 4_294_967_296.0
    }

    /// True in so many of a thousand cases.
    pub(crate) fn per_mille(&mut self, chance: u64) -> bool {
        self.within(0, 1_000) < chance
    }
}
