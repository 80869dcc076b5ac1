//! `highwater load`: agents that behave like real ones. What real ones do is fitted to transcripts.

mod behaviour;
mod distribution;
mod fit;

use clap::{Args, Subcommand};

use crate::exit::Exit;

/// The end of the command's help.
pub(crate) const HELP: &str = "\
Examples:
  highwater load fit transcripts/               what agents do, as TOML
  highwater load fit transcripts/ --json";

/// What `load` takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read the transcripts of a folder and print how large, how many and how slow everything in them is
    Fit(fit::Fit),
}

impl Options {
    /// Runs the command.
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        match &self.command {
            Command::Fit(fit) => fit.run(),
        }
    }
}
