//! `highwater restore`: verifies an export, and writes the session that it holds into a store.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use highwater_protocol::{LogPos, SessionId};
use highwater_storage::export::{Restored, Source, Verified};
use highwater_storage::{RedbOptions, RedbStore};
use serde::Serialize;

use crate::checkpoint::Told;
use crate::exit::Exit;
use crate::output::print;
use crate::progress::Steps;
use crate::report::words::counted;

/// The command's options.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The directory that was exported into
    dir: PathBuf,
    /// The directory of the store; made if it is not there
    #[arg(required_unless_present = "check")]
    store: Option<PathBuf>,
    /// Which session of DIR (default: the only one)
    #[arg(long, value_name = "NAME")]
    session: Option<String>,
    /// The session's name in the store (default: the one that it had)
    #[arg(long, value_name = "NAME")]
    into: Option<String>,
    /// Restore this checkpoint instead of the newest: a number that `checkpoint` or `export` printed, or `latest`
    #[arg(long, value_name = "N", default_value = "latest", value_parser = checkpoint)]
    checkpoint: Wanted,
    /// Verify every file of the export, and write nothing
    #[arg(long, conflicts_with_all = ["store", "into"])]
    check: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
}

/// Which checkpoint.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    Latest,
    At(u64),
}

fn checkpoint(text: &str) -> Result<Wanted, String> {
    match (text, text.parse()) {
        ("latest", _) => Ok(Wanted::Latest),
        (_, Ok(position)) => Ok(Wanted::At(position)),
        _ => Err("must be a number, or latest".to_owned()),
    }
}

#[derive(Debug, Serialize)]
struct Report {
    exported: String,
    session: Option<String>,
    checkpoint: Told,
    records: u64,
    written: u64,
}

/// Runs the command.
pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let parse = |name: &Option<String>| name.as_deref().map(SessionId::parse).transpose();
    let (session, into) = (parse(&options.session)?, parse(&options.into)?);
    let checkpoint = match options.checkpoint {
        Wanted::Latest => None,
        Wanted::At(position) => Some(LogPos(position)),
    };
    let source = Source { dir: &options.dir, session: session.as_ref(), checkpoint };
    let quiet = options.quiet || options.json;
    let steps = Steps::new("verifying", quiet);
    let verified = Verified::read(&source, &mut |done, all| steps.show(done, all));
    steps.finish();
    let verified = verified?;
    if options.check {
        tell_checked(options, &verified)?;
        return Ok(Exit::Fine);
    }
    let Some(place) = &options.store else { bail!("no store was named") };
    // Only now: a store that is not there yet is not made for an export that is refused.
    let store = RedbStore::open(place, RedbOptions::default())?;
    let steps = Steps::new("writing", quiet);
    let done = verified.write(&store, into.as_ref(), &mut |done, all| steps.show(done, all));
    steps.finish();
    tell(options, &done?)?;
    Ok(Exit::Fine)
}

fn tell_checked(options: &Options, verified: &Verified) -> anyhow::Result<()> {
    let (session, checkpoint) = (verified.session(), verified.checkpoint());
    let records = checkpoint.end().0;
    if options.json {
        let (exported, checkpoint) = (session.to_string(), Told::of(&checkpoint));
        let report = Report { exported, session: None, checkpoint, records, written: 0 };
        print(&serde_json::to_string(&report)?)
    } else {
        let (at, records) = (checkpoint.position.0, counted(records, "record"));
        print(&format!(
            "checkpoint {at} of session {session} can be restored: {records}, all verified"
        ))
    }
}

fn tell(options: &Options, done: &Restored) -> anyhow::Result<()> {
    let Restored { exported, session, checkpoint, records, written } = done;
    if options.json {
        let report = Report {
            exported: exported.to_string(),
            session: Some(session.to_string()),
            checkpoint: Told::of(checkpoint),
            records: *records,
            written: *written,
        };
        return print(&serde_json::to_string(&report)?);
    }
    let (at, records) = (checkpoint.position.0, counted(*records, "record"));
    print(&format!(
        "session {session} stands at checkpoint {at}: {records}, {written} of them written now"
    ))
}
