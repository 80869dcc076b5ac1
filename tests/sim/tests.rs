//! What the simulator promises of itself: fixed seeds hold, the same seed gives the same bytes, the oracle shares nothing
//! but data with the product, and it sees what is wrong.

mod imports;
mod planted;

use std::collections::BTreeMap;

use crate::crowd::hide_planned_panics;
use crate::run;

#[test]
fn fixed_seeds_keep_every_promise() {
    hide_planned_panics();
    let mut all: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..60 {
        let report = run::play(seed, 200);
        if let Some(failure) = report.failure() {
            panic!("{failure}");
        }
        for (what, count) in report.done {
            *all.entry(what).or_default() += count;
        }
    }
    let never: Vec<_> = all.iter().filter(|(_, count)| **count == 0).collect();
    assert!(never.is_empty(), "never done in all seeds: {never:?}");
}

#[test]
fn the_same_seed_gives_the_same_bytes_twice() {
    hide_planned_panics();
    for seed in [3, 17, 65, 392] {
        let (one, other) = (run::play(seed, 300), run::play(seed, 300));
        assert!(one.trace.lines().count() >= 300, "{:?}", one.breach);
        assert_eq!(one.trace, other.trace, "seed {seed}");
    }
}

#[test]
fn different_seeds_are_different_plays() {
    hide_planned_panics();
    assert_ne!(run::play(1, 50).trace, run::play(2, 50).trace);
}
