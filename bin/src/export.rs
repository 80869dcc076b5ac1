//! `highwater export`: writes what is new of a stored session since the last export into a directory.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use highwater_protocol::{LogPos, SessionId};
use highwater_storage::export::{self, Exported};
use serde::Serialize;

use crate::checkpoint::Told;
use crate::exit::Exit;
use crate::output::print;
use crate::progress::Steps;
use crate::report::words::{bytes, counted};
use crate::store::open_to_read;

/// The command's options.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The directory of the store
    store: PathBuf,
    /// The session's name in the store
    session: String,
    /// The directory to export into; made if it is not there, shared by any number of sessions
    dir: PathBuf,
    /// Export up to this checkpoint (default: the newest of the session)
    #[arg(long, value_name = "N")]
    checkpoint: Option<u64>,
    /// Go on from this checkpoint (default: the newest that was exported into DIR)
    #[arg(long, value_name = "N")]
    since: Option<u64>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    session: String,
    checkpoint: Told,
    from: u64,
    manifest: String,
    files: u64,
    bytes: u64,
}

/// Runs the command.
pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let session = SessionId::parse(&options.session)?;
    let store = open_to_read(&options.store)?;
    let checkpoint = match options.checkpoint {
        Some(position) => LogPos(position),
        None => export::last_checkpoint(&store, &session)?
            .with_context(|| {
                format!(
                    "session {session} has no checkpoint: make one with `highwater checkpoint {} {session}`",
                    options.store.display()
                )
            })?
            .position,
    };
    let since = options.since.map(LogPos);
    let steps = Steps::new("exporting", options.quiet || options.json);
    let done =
        export::export(&store, &session, checkpoint, since, &options.dir, &mut |done, all| {
            steps.show(done, all);
        });
    steps.finish();
    tell(options, &session, &done?)?;
    Ok(Exit::Fine)
}

fn tell(options: &Options, session: &SessionId, done: &Exported) -> anyhow::Result<()> {
    let (at, dir) = (done.checkpoint.position.0, options.dir.display());
    if options.json {
        let report = Report {
            session: session.to_string(),
            checkpoint: Told::of(&done.checkpoint),
            from: done.from.0,
            manifest: done.manifest.clone(),
            files: done.files,
            bytes: done.bytes,
        };
        print(&serde_json::to_string(&report)?)
    } else if done.files == 0 {
        print(&format!(
            "checkpoint {at} of session {session} is in {dir} already: nothing was written"
        ))
    } else {
        let records = counted(done.checkpoint.end().0 - done.from.0, "record");
        let (files, size) = (counted(done.files, "file"), bytes(done.bytes));
        print(&format!(
            "checkpoint {at} of session {session} is in {dir}: {records} written, {files}, {size}"
        ))
    }
}
