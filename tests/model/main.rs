//! The splice protocol, explored: the real session beside every order of what hosts, journal, compactor and crashes can do
//! to it, for small sizes. See docs/model-check.md.

mod alphabet;
mod naive;
mod rules;
mod scenario;
mod search;
mod world;

use alphabet::Ask::{
    self, Again, Call, Cancel, Clear, Close, Compact, Context, Edit, Pin, Resolve, Result, Rewind,
    Say, Settled,
};
use scenario::{Bounds, Scenario, config};
use search::{Counts, explore};

/// Explores larger sizes when it is set to `long`; takes minutes, and a release build.
const SIZE: &str = "HIGHWATER_MODEL";

/// Bounds of the ordinary run, what is seen within them, and bounds of the long run: requests, crashes, failures; states,
/// transitions, logs, depth.
type Sizes = ([usize; 3], [usize; 4], [usize; 3]);

/// What passes end in, in every scenario.
const ALWAYS: [&str; 5] = [
    "abandoned: its deadline passed",
    "failed: a fault",
    "refused: the summary is empty",
    "refused: the summary is larger than its cap",
    "spliced",
];

/// Explores a scenario, in which passes also come to these ends. Other counts of the ordinary run mean that the
/// protocol has changed: look why, and change them here and in the docs.
fn check(config: (u64, bool), opening: &[Ask], asks: &[Ask], sizes: Sizes, ends: &[&str]) {
    let is_long = std::env::var(SIZE).is_ok_and(|size| size == "long");
    let (short, [states, transitions, logs, depth], long) = sizes;
    let [requests, crashes, failures] = if is_long { long } else { short };
    let bounds = Bounds { requests, crashes, failures };
    let scenario = Scenario::new(self::config(config.0, config.1), opening, asks, bounds);
    let (counts, reached) = explore(&scenario).unwrap_or_else(|breach| panic!("{breach}"));
    println!("{bounds:?}\n{counts:?}\nends: {reached:?}");
    if !is_long {
        assert_eq!(counts, Counts { states, transitions, logs, depth });
    }
    for end in ALWAYS.iter().chain(ends) {
        assert!(reached.contains(*end), "no pass ended as {end}");
    }
}

#[test]
fn whatever_a_host_does_beside_a_pass_keeps_the_promises() {
    check(
        (4_000, false),
        &[Say, Say, Context],
        &[
            Say,
            Again,
            Call,
            Context,
            Compact(2),
            Compact(3),
            Rewind(2),
            Rewind(3),
            Edit(2),
            Edit(3),
            Pin(2, true),
            Clear,
            Cancel,
            Settled,
            Close,
        ],
        ([2, 1, 1], [8_018, 36_231, 372, 9], [3, 0, 0]),
        &[
            "abandoned: cancelled",
            "abandoned: the session was cleared",
            "abandoned: the session was closed",
            "abandoned: the session was rewound below the cut",
            "abandoned: what it covers was changed",
        ],
    );
}

#[test]
fn changes_of_what_a_pass_covers_keep_the_promises() {
    check(
        (4_000, false),
        &[Say, Say, Context],
        &[Say, Compact(3), Rewind(2), Rewind(3), Edit(3), Pin(2, true), Clear, Cancel],
        ([3, 0, 0], [18_698, 54_140, 831, 11], [4, 0, 0]),
        &[
            "abandoned: cancelled",
            "abandoned: the session was cleared",
            "abandoned: the session was rewound below the cut",
            "abandoned: what it covers was changed",
        ],
    );
}

#[test]
fn calls_and_their_results_keep_the_promises() {
    check(
        (4_000, false),
        &[Say, Call],
        &[
            Say,
            Call,
            Result,
            Context,
            Compact(3),
            Compact(9),
            Rewind(2),
            Rewind(3),
            Resolve(3),
            Pin(3, true),
            Pin(3, false),
        ],
        ([2, 1, 1], [4_804, 22_394, 197, 9], [3, 0, 0]),
        &[],
    );
}

#[test]
fn passes_that_start_by_themselves_keep_the_promises() {
    check(
        (600, true),
        &[Say, Say, Context],
        &[Say, Context, Rewind(2), Rewind(4), Edit(2), Pin(3, true), Clear, Cancel, Close],
        ([2, 1, 1], [2_384, 10_187, 122, 8], [3, 1, 1]),
        &[
            "abandoned: cancelled",
            "abandoned: the process ended",
            "abandoned: the session was cleared",
            "abandoned: the session was closed",
            "abandoned: the session was rewound below the cut",
            "abandoned: what it covers was changed",
        ],
    );
}

#[test]
fn rewinds_that_undo_what_a_pass_was_checked_against_keep_the_promises() {
    check(
        (4_000, false),
        &[Say, Call, Say],
        &[Result, Context, Compact(3), Rewind(3), Settled],
        ([3, 0, 0], [14_100, 41_666, 584, 11], [4, 0, 0]),
        &[
            "abandoned: what it covers was changed",
            "refused: the summary would not make the view smaller",
        ],
    );
}
