//! `highwater checkpoint`: marks what stands in a stored session, so that it can be exported and restored.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use highwater::Highwater;
use highwater::examine::settings;
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Checkpoint, SessionId};
use serde::Serialize;

use crate::exit::Exit;
use crate::output::print;
use crate::report::words::hex;
use crate::store::open;

/// The command's options.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The directory of the store
    store: PathBuf,
    /// The session's name in the store
    session: String,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints of a checkpoint.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    position: u64,
    seq: u64,
    digest: String,
}

impl Told {
    pub(crate) fn of(checkpoint: &Checkpoint) -> Self {
        let Checkpoint { position, seq, digest } = checkpoint;
        Self { position: position.0, seq: seq.0, digest: hex(digest) }
    }
}

/// Runs the command.
pub(crate) async fn run(options: Options) -> anyhow::Result<Exit> {
    let session = SessionId::parse(&options.session)?;
    let store = open(&options.store)?;
    let config = settings(&store, &session)?
        .with_context(|| format!("session {session} is empty: there is nothing to mark"))?;
    // It is marked as it stands.
    let config = SessionConfig { automatic: false, ..config };
    let house = Highwater::builder(store).start().await?;
    let marked = async { house.open(session, config).await?.checkpoint().await }.await;
    house.close().await?;
    let checkpoint = marked?;
    if options.json {
        print(&serde_json::to_string(&Told::of(&checkpoint))?)?;
    } else {
        let Checkpoint { position, seq, .. } = checkpoint;
        print(&format!("checkpoint {} behind entry {seq}; it is durable", position.0))?;
    }
    Ok(Exit::Fine)
}
