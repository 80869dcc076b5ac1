//! Commands about a store: what is in it, whether it is sound, what a past call saw, and giving room back.

mod call;
mod doctor;
mod maintain;
mod stats;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use highwater_protocol::SessionId;
use highwater_storage::{RedbOptions, RedbStore, SessionInfo, Store, StoreError};

pub(crate) use call::Call;
pub(crate) use doctor::Doctor;
pub(crate) use maintain::Maintain;
pub(crate) use stats::Stats;

/// Sessions that are listed at once.
const PAGE: usize = 256;

/// Opens a store that must be there, to read it: nothing in its directory is changed.
pub(crate) fn open_to_read(dir: &Path) -> anyhow::Result<RedbStore> {
    Ok(RedbStore::open_to_read(dir, RedbOptions::default())?)
}

/// Opens a store that must be there.
pub(crate) fn open(dir: &Path) -> anyhow::Result<RedbStore> {
    Ok(RedbStore::open(dir, RedbOptions { create: false, ..RedbOptions::default() })?)
}

/// A session of a store.
enum Listed {
    /// Where it stands.
    Known(SessionInfo),
    /// The row that says where it stands is damaged, and this is what was found.
    Damaged(SessionId, String),
}

/// Hands over every session of a store, in order of their names, also those whose rows are damaged.
fn each_session(
    store: &dyn Store,
    mut each: impl FnMut(Listed) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut after: Option<SessionId> = None;
    let mut limit = PAGE;
    loop {
        let listed: Vec<Listed> = match store.sessions(after.as_ref(), limit) {
            Ok(page) => page.into_iter().map(Listed::Known).collect(),
            // The page holds a damaged row: its sessions are listed one by one, until it is this one's turn.
            Err(StoreError::Damaged { .. }) if limit > 1 => {
                limit = 1;
                continue;
            }
            Err(StoreError::Damaged { session, why, .. }) => {
                limit = PAGE;
                vec![Listed::Damaged(session, why)]
            }
            Err(error) => return Err(error).context("the sessions cannot be listed"),
        };
        let Some(last) = listed.last() else {
            return Ok(());
        };
        after = Some(last.session().clone());
        for session in listed {
            let name = session.session().clone();
            each(session).with_context(|| format!("session {name}"))?;
        }
    }
}

impl Listed {
    fn session(&self) -> &SessionId {
        match self {
            Self::Known(info) => &info.session,
            Self::Damaged(session, _) => session,
        }
    }
}

/// The records of all sessions, those that several share counted for each: the measure of a long command's progress.
fn records(store: &dyn Store) -> anyhow::Result<u64> {
    let mut records = 0;
    each_session(store, |listed| {
        if let Listed::Known(info) = listed {
            records += info.head.0;
        }
        Ok(())
    })?;
    Ok(records)
}

/// A store and whether the answer is to be JSON: what most commands take.
#[derive(Debug, clap::Args)]
pub(crate) struct Target {
    /// The directory of the store
    store: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
}

impl Target {
    /// Whether nobody wants to see how far it is.
    fn is_quiet(&self) -> bool {
        self.quiet || self.json
    }
}

/// How much one is of another; nothing of nothing is nothing.
#[allow(clippy::cast_precision_loss, reason = "a ratio for people")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
