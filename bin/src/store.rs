//! Commands about a store: what is in it, whether it is sound, what a past call saw, and giving room back.

mod call;
mod doctor;
mod maintain;
mod stats;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use highwater_protocol::SessionId;
use highwater_storage::{RedbOptions, RedbStore, SessionInfo, Store};

pub(crate) use call::Call;
pub(crate) use doctor::Doctor;
pub(crate) use maintain::Maintain;
pub(crate) use stats::Stats;

/// Sessions that are listed at once.
const PAGE: usize = 256;

/// Opens a store that must be there.
fn open(dir: &Path) -> anyhow::Result<RedbStore> {
    Ok(RedbStore::open(dir, RedbOptions { create: false, ..RedbOptions::default() })?)
}

/// Hands over every session of a store, in order of their names.
fn each_session(
    store: &dyn Store,
    mut each: impl FnMut(SessionInfo) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut after: Option<SessionId> = None;
    loop {
        let page = store.sessions(after.as_ref(), PAGE)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.session.clone());
        for info in page {
            let session = info.session.clone();
            each(info).with_context(|| format!("session {session}"))?;
        }
    }
}

/// A store and whether the answer is to be JSON: what most commands take.
#[derive(Debug, clap::Args)]
pub(crate) struct Target {
    /// The directory of the store
    store: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// A number of bytes as people read it.
fn bytes(count: u64) -> String {
    indicatif::HumanBytes(count).to_string()
}

/// How much one is of another; nothing of nothing is nothing.
#[allow(clippy::cast_precision_loss, reason = "a ratio for people")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
