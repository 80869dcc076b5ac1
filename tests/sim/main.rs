//! The simulator: a seeded world in paused time around the real house, and an oracle that checks every promise after
//! every step.

mod agent;
mod args;
mod crowd;
mod forks;
mod ground;
mod life;
mod looking;
mod oracle;
mod run;
mod scribe;
mod talk;
mod words;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::Parser;

use args::Args;

fn main() -> ExitCode {
    crowd::hide_planned_panics();
    let args = Args::parse();
    if let Some(seeds) = args.seeds {
        return crowd::play(seeds, args.steps, args.jobs);
    }
    let report = run::play(args.seed, args.steps);
    print!("{}", report.trace);
    println!("{}", run::told(&report.done));
    match report.failure() {
        Some(failure) => {
            println!("{}", failure.lines().rev().take(2).collect::<Vec<_>>().join("\n"));
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}
