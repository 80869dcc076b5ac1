//! The splice protocol, explored: the real session beside every order of what hosts, journal, compactor and crashes can do
//! to it, for small sizes. See docs/model-check.md.

mod alphabet;
mod naive;
mod rules;
mod scenario;
mod search;
mod world;

use alphabet::Ask;
use scenario::{Scenario, config};
use search::explore;

#[test]
fn requests_beside_a_pass() {
    let mut scenario = Scenario::new(config(4_000, false), &[Ask::Say, Ask::Say, Ask::Context]);
    scenario.asks = vec![
        Ask::Say,
        Ask::Context,
        Ask::Compact(3),
        Ask::Rewind(2),
        Ask::Rewind(3),
        Ask::Edit(2),
        Ask::Pin(2, true),
        Ask::Clear,
        Ask::Cancel,
        Ask::Settled,
        Ask::Close,
    ];
    scenario.requests = std::env::var("R").map_or(2, |r| r.parse().unwrap());
    scenario.crashes = 1;
    scenario.failures = 1;
    let start = std::time::Instant::now();
    match explore(&scenario) {
        Ok(counts) => println!("{counts:?} {:?}", start.elapsed()),
        Err(breach) => panic!("{breach}"),
    }
}
