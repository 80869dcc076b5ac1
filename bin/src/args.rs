//! The command line.

use std::path::PathBuf;

use clap::{ArgAction, Args as Arguments, Parser, Subcommand, ValueEnum};
use highwater_protocol::{Budget, Error, Format, TokenCount};

use crate::{checkpoint, config, export, load, restore, store};

/// Keeps the transcripts of LLM agents bounded while the agents keep working.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
Exit codes:
  0    fine
  1    the run failed or something is wrong: bytes were lost, a context broke a promise, the store is damaged
  2    usage, an input that cannot be read, or a configuration with mistakes
  130  stopped by Ctrl-C or SIGTERM (with --store, the same replay goes on where it stopped)"
)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Log more to standard error (-v, -vv); `RUST_LOG` overrides it
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play a transcript through a session that compacts while turns go on
    #[command(after_help = "\
Examples:
  highwater replay                              the bundled transcript
  highwater replay session.jsonl --html r.html  your own, with a report to look at
  highwater replay session.jsonl --blocking     the same with compaction inside the turn
  highwater replay big.jsonl --window 200000 --summary-ms 60000 --turn-ms 4000 --speed 20
  highwater replay session.jsonl --turn-ms 4000 --provider anthropic --provider local/qwen3

Reads Claude Code sessions (JSONL), OpenAI chat messages (an array, or inside a SWE-agent .traj or
mini-swe-agent .traj.json), and Anthropic messages. Without --provider no network and no key is needed: turns
and summaries take the time that you say, the summaries are quoted from the transcript. With it, the
transcript's words are sent to that provider, which may cost; turns stay simulated, so give them the time that
your agent's turns take.")]
    Replay(Replay),
    /// Compare a stored session with the file that it came from, byte by byte
    #[command(after_help = "\
Example:
  highwater verify --store DIR session.jsonl

Rebuilds every record from the store alone. Prints `lossless: yes` or where the first difference is.")]
    Verify(Verify),
    /// Show the sessions of a store, their sizes, and what room they take
    #[command(after_help = "\
Example:
  highwater stats DIR
  highwater stats DIR --json | jq .ratio

Changes nothing. Reads every entry, so that it takes as long as reading the store does.")]
    Stats(store::Stats),
    /// Examine a store: hashes, folds, views, references
    #[command(after_help = "\
Examples:
  highwater doctor DIR
  highwater doctor DIR --json | jq .findings

Reads and folds everything, and leaves every byte of the store as it is. Exit code 1 when something is wrong; each
finding says where, and what it means.")]
    Doctor(store::Doctor),
    /// Print the exact input of a past call again
    #[command(after_help = "\
Examples:
  highwater call DIR my-session 12
  highwater call DIR my-session 12 --json | jq '.tokens, .digest'

Calls are the contexts that were answered, counted from 1. The input is not stored: it is folded from the log,
also behind summaries, rewinds and restarts.")]
    Call(store::Call),
    /// Seal old records, remove payloads that nothing refers to, give room back
    #[command(after_help = "\
Example:
  highwater maintain DIR

A running house seals by itself; this seals the rest and shrinks the file. No other process may have the store open.")]
    Maintain(store::Maintain),
    /// Mark what stands in a stored session, so that it can be exported and restored
    #[command(after_help = "\
Example:
  highwater checkpoint store session

Prints the checkpoint's number. It costs the same however long the session is.")]
    Checkpoint(checkpoint::Options),
    /// Write what is new of a stored session into a directory
    #[command(after_help = "\
Examples:
  highwater export store session backup               up to the newest checkpoint
  highwater export store session backup --since 120   going on from that one

Writes only what is not in the directory yet. What was exported before stays as it is, also when this is
interrupted at any moment; several processes may export into one directory at once.")]
    Export(export::Options),
    /// Write an exported session into a store
    #[command(after_help = "\
Examples:
  highwater restore backup store                      the newest checkpoint of the only session
  highwater restore backup store --checkpoint 120     an older one
  highwater restore backup store --session a --into b under another name
  highwater restore backup --check                    only verify it

Every file is verified before anything is written. What is missing or damaged is named. A session of the
store that has other content is never changed. Interrupted, the same command goes on where it stopped.")]
    Restore(restore::Options),
    /// Let simulated agents live in one house, measure, and compare what they were acknowledged with the store
    #[command(after_help = load::HELP)]
    Load(load::Options),
    /// Check and show the configuration: providers, keys, limits, summarizers
    #[command(subcommand)]
    Config(config::Config),
}

#[derive(Debug, Arguments)]
pub(crate) struct Replay {
    /// The transcript; without it, the bundled one
    pub(crate) file: Option<PathBuf>,
    /// Keep the store in this directory (default: a temporary one that is removed at the end)
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// The session's name in the store (default: the file's name)
    #[arg(long, value_name = "NAME")]
    pub(crate) session: Option<String>,
    #[command(flatten)]
    pub(crate) marks: Marks,
    /// How long a turn's simulated model call takes, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 40)]
    pub(crate) turn_ms: u64,
    #[command(flatten)]
    pub(crate) summaries: Summaries,
    /// Divide both latencies by this
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = positive)]
    pub(crate) speed: f64,
    /// How many model calls the provider takes at once; one of them is reserved for turns
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) slots: u32,
    /// Compact inside the turn, as most systems do, to see the difference
    #[arg(long)]
    pub(crate) blocking: bool,
    /// Render contexts in this format (default: the transcript's own)
    #[arg(long, value_name = "FORMAT")]
    pub(crate) render: Option<Render>,
    /// Write the report as one self-contained page
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Print the report as JSON instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// Show no progress
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}

#[derive(Debug, Arguments)]
pub(crate) struct Verify {
    /// The transcript that was replayed; without it, the bundled one
    pub(crate) file: Option<PathBuf>,
    /// The directory of the store
    #[arg(long, value_name = "DIR")]
    pub(crate) store: PathBuf,
    /// The session's name in the store (default: the file's name)
    #[arg(long, value_name = "NAME")]
    pub(crate) session: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Who writes the summaries.
#[derive(Clone, Debug, Arguments)]
pub(crate) struct Summaries {
    /// How long each simulated summarizer call takes, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 150, conflicts_with = "providers")]
    pub(crate) summary_ms: u64,
    /// Have a model of the configuration write the summaries; given again, the next is for when the one before fails
    #[arg(long = "provider", value_name = "PROVIDER[/MODEL]")]
    pub(crate) providers: Vec<String>,
    #[command(flatten)]
    pub(crate) config: config::ConfigFile,
}

/// The marks of the view, in tokens.
#[derive(Debug, Arguments)]
pub(crate) struct Marks {
    /// The model's context window in tokens; the marks default to 60 %, 30 % and 90 % of it
    #[arg(long, value_name = "TOKENS", default_value_t = 48_000)]
    window: u64,
    /// View size at which a pass starts
    #[arg(long, value_name = "TOKENS")]
    trigger: Option<u64>,
    /// View size that a pass lands at
    #[arg(long, value_name = "TOKENS")]
    landing: Option<u64>,
    /// View size that no context exceeds
    #[arg(long, value_name = "TOKENS")]
    hard: Option<u64>,
}

impl Marks {
    /// The marks, in order; an error says which are not.
    pub(crate) fn budget(&self) -> Result<Budget, Error> {
        let percent = |share: u64| self.window.saturating_mul(share) / 100;
        Budget::new(
            TokenCount(self.trigger.unwrap_or(percent(60))),
            TokenCount(self.landing.unwrap_or(percent(30))),
            TokenCount(self.hard.unwrap_or(percent(90))),
        )
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Render {
    /// Anthropic Messages
    Anthropic,
    /// OpenAI chat completions
    OpenaiChat,
}

impl Render {
    pub(crate) fn format(self) -> Format {
        match self {
            Self::Anthropic => Format::Anthropic,
            Self::OpenaiChat => Format::OpenAiChat,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// Only on a terminal, and not when `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.001..=1e6).contains(&number) => Ok(number),
        _ => Err("must be a number from 0.001 to 1000000".to_owned()),
    }
}
