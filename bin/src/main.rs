//! The command-line program around Highwater. Exit codes: 0 fine, 1 the run failed, 2 usage or unusable input,
//! 130 stopped by Ctrl-C or SIGTERM.

mod args;
mod checkpoint;
mod config;
mod exit;
mod export;
mod input;
mod load;
mod output;
mod progress;
mod replay;
mod report;
mod restore;
mod sample;
mod signals;
mod store;
mod verify;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

/// Sessions allocate on many threads and free on others, in sizes of all kinds: docs/adr/0016 says what that costs.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let args = Args::parse();
    start_logging(args.verbose);
    let outcome = match args.command {
        Command::Replay(options) => run(replay::run(options)),
        Command::Verify(options) => verify::run(&options),
        Command::Stats(options) => options.run(),
        Command::Doctor(options) => options.run(),
        Command::Call(options) => options.run(),
        Command::Maintain(options) => options.run(),
        Command::Checkpoint(options) => run(checkpoint::run(options)),
        Command::Export(options) => export::run(&options),
        Command::Restore(options) => restore::run(&options),
        Command::Load(options) => options.run(),
        Command::Config(command) => command.run(),
    };
    exit::code(outcome)
}

/// Runs a command, or a part of one, that needs the actors.
fn run<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(command)
}

/// Logs go to standard error; `RUST_LOG` overrides what `-v` says.
fn start_logging(verbose: u8) {
    use tracing_subscriber::EnvFilter;
    let default = match verbose {
        0 => "error",
        1 => "highwater=info",
        _ => "highwater=debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
