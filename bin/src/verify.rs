//! Comparing a stored session with the file that it came from: every byte is rebuilt from the stored entries alone.

use std::io::Read;
use std::process::Command;

use anyhow::Context as _;
use highwater::history;
use highwater_protocol::{Error, Kind, SessionId};
use highwater_storage::RedbStore;
use serde::{Deserialize, Serialize};

use crate::args;
use crate::exit::Exit;
use crate::input::Source;
use crate::output::print;
use crate::report;
use crate::store::open_to_read;

/// What the comparison found.
#[derive(Debug, Serialize, Deserialize)]
struct Found {
    lossless: bool,
    records: u64,
    bytes: u64,
    detail: String,
}

/// `highwater verify`.
pub(crate) fn run(options: &args::Verify) -> anyhow::Result<Exit> {
    let source = Source::new(options.file.clone());
    let session = source.session(options.session.as_deref())?;
    let store = open_to_read(&options.store)?;
    let found = compare(&store, &session, &source)?;
    if options.json {
        print(&serde_json::to_string(&found)?)?;
    } else {
        let answer = if found.lossless { "yes" } else { "no" };
        print(&format!("lossless: {answer} ({})", found.detail))?;
    }
    Ok(if found.lossless { Exit::Fine } else { Exit::Failed })
}

fn compare(store: &RedbStore, session: &SessionId, source: &Source) -> anyhow::Result<Found> {
    let (mut file, length) = source.open()?;
    let (mut records, mut bytes) = (0_u64, 0_u64);
    let mut difference = None;
    let mut original = Vec::new();
    let walked = history::walk(store, session, |seq, entry| {
        let stored = entry.source();
        original.clear();
        let wanted = stored.len() as u64;
        let read = (&mut file).take(wanted).read_to_end(&mut original);
        read.map_err(|error| Error::new(Kind::Storage, source.name()).because(error))?;
        if original != **stored {
            difference = Some(format!("entry {seq}, at byte {bytes} of the file, differs"));
            return Err(Error::new(Kind::Conflict, "different"));
        }
        records += 1;
        bytes += wanted;
        Ok(())
    });
    if difference.is_none() {
        walked.with_context(|| format!("session {session}"))?;
        if bytes != length {
            difference = Some(format!("the store holds {bytes} of the file's {length} bytes"));
        }
    }
    let lossless = difference.is_none();
    let detail =
        difference.unwrap_or_else(|| format!("{records} records, {bytes} bytes, the whole file"));
    Ok(Found { lossless, records, bytes, detail })
}

/// Has a second process compare a store that this one has closed.
pub(crate) fn in_second_process(
    store: &std::path::Path,
    session: &SessionId,
    source: &Source,
) -> anyhow::Result<report::Lossless> {
    let program = std::env::current_exe().context("this program's own path")?;
    let mut command = Command::new(program);
    command.arg("verify").arg("--json").arg("--store").arg(store);
    command.arg(format!("--session={session}"));
    if let Source::File(path) = source {
        command.arg("--").arg(path);
    }
    let output = command.output().context("starting the second process")?;
    let found: Found = serde_json::from_slice(&output.stdout).with_context(|| {
        let said = String::from_utf8_lossy(&output.stderr);
        format!("the second process failed ({}): {}", output.status, said.trim())
    })?;
    let Found { lossless: ok, records, bytes, detail } = found;
    Ok(report::Lossless { ok, records, bytes, detail })
}
