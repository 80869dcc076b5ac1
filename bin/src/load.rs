//! `highwater load`: agents that behave like real ones live in one house, over a simulated provider with real limits. What
//! they were acknowledged is compared with the store at the end.
//!
//! ```text
//! scenario, behaviour --> ground --> agents (one task each) --> house --> store
//!                           |           |  ledger, checks         +--> gate --> client --+
//!                           |           +--turns, under permits of the gate--------------+--> provider
//!                           +<-- metrics, pulse --> report          ledgers <-- compare --> store
//! ```

mod agent;
mod arms;
mod behaviour;
mod branch;
mod checks;
mod client;
mod compare;
mod contrast;
mod distribution;
mod fit;
mod ground;
mod html;
mod judge;
mod known;
mod ledger;
mod live;
mod machine;
mod meter;
mod metrics;
mod provider;
mod pulse;
mod report;
mod run;
mod scenario;
mod share;
mod slices;
mod speech;
mod text;
mod told;
mod withhold;

use clap::{Args, Subcommand};

use crate::exit::Exit;

/// The end of the command's help.
pub(crate) const HELP: &str = "\
Examples:
  highwater load                                a dozen agents, some seconds
  highwater load --list                         the scenarios that come with the program
  highwater load --scenario chat-1k --html r.html --json r.json
  highwater load --scenario my.toml --agents 200 --duration 30 --seed 7
  highwater load --kill                         the same, with the process killed half way
  highwater load --http                         the same, with the provider behind HTTP in a process of its own
  highwater load --compare before.json after.json
  highwater load fit transcripts/ > mine.toml   what agents do, as numbers
  highwater load --behaviour mine.toml

No network and no key is needed: the provider is simulated, with real slots and rates; with --http, it listens on
loopback alone.

Exit code 1 when anything that was acknowledged is lost, doubled or reordered, or a context broke a promise, of which the
report says which; 2 when an option, a scenario or a file of it is wrong; 130 when Ctrl-C or SIGTERM ended it: what was
played until then is compared and told all the same.";

/// What `load` takes.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::Run,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read the transcripts of a folder and print how large, how many and how slow everything in them is
    Fit(fit::Fit),
    /// Be the provider of a run that is told on standard input
    #[command(hide = true)]
    Provide,
}

impl Options {
    /// Runs the command.
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        match &self.command {
            Some(Command::Fit(fit)) => fit.run(),
            Some(Command::Provide) => provider::serve::run().map(|()| Exit::Fine),
            None => self.run.run(),
        }
    }
}
