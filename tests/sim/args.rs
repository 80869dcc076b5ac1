//! The command line of the simulator.

use std::ops::Range;

use clap::Parser;

/// Plays agents, a model that answers badly, a faulty store and crashes against the real house, and checks every promise
/// after every step. The same seed gives the same bytes.
#[derive(Debug, Parser)]
#[command(
    name = "sim",
    after_help = "\
Examples:
  cargo run --release -p highwater-tests --bin sim -- --seed 7 --steps 1000
      one seed, with its trace
  cargo run --release -p highwater-tests --bin sim -- --seeds 0..10000 --steps 1000 --jobs 2
      many seeds; prints the progress, and for each failure its end and the command that repeats it

Exit codes: 0 all promises were kept, 1 one was broken, 2 usage"
)]
pub(crate) struct Args {
    /// The seed to play
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// The seeds to play, the end not included
    #[arg(long, value_name = "A..B", value_parser = range, conflicts_with = "seed")]
    pub(crate) seeds: Option<Range<u64>>,
    /// How many steps each seed is played
    #[arg(long, default_value_t = 1_000)]
    pub(crate) steps: u64,
    /// How many seeds are played at once
    #[arg(long, default_value_t = 2, requires = "seeds", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: u16,
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let (start, end) = text.split_once("..").ok_or("two numbers with .. between them")?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text:?}: {error}"));
    let range = number(start)?..number(end)?;
    if range.is_empty() { Err("no seed is in it".to_owned()) } else { Ok(range) }
}
