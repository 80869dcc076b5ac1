//! `highwater stats`: which sessions a store holds, how large they are, and what room they take.

use clap::Args;
use highwater_protocol::caps;
use highwater_protocol::{LogPos, Record};
use highwater_storage::{PageLimit, SessionInfo, Store};
use serde::Serialize;

use super::{Target, bytes, each_session, open, ratio};
use crate::exit::Exit;

/// What `stats` takes.
#[derive(Debug, Args)]
pub(crate) struct Stats {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Serialize)]
struct Report {
    file_bytes: u64,
    entry_bytes: u64,
    /// The file's size to that of the entries' original bytes, each counted once however many sessions share it.
    ratio: f64,
    sessions: Vec<Session>,
}

#[derive(Debug, Serialize)]
struct Session {
    session: String,
    entries: u64,
    entry_bytes: u64,
    records: u64,
    /// Records that it shares with the session that it was forked from.
    shared_records: u64,
    /// Records that are sealed, of its own and of those that it shares.
    sealed_records: u64,
    anchors: usize,
}

impl Stats {
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        let store = open(&self.target.store)?;
        let mut sessions = Vec::new();
        let mut own_bytes = 0;
        each_session(&store, |info| {
            let (session, own) = measure(&store, &info)?;
            own_bytes += own;
            sessions.push(session);
            Ok(())
        })?;
        let file_bytes = store.usage()?.bytes;
        let ratio = ratio(file_bytes, own_bytes);
        let report = Report { file_bytes, entry_bytes: own_bytes, ratio, sessions };
        if self.target.json {
            println!("{}", serde_json::to_string(&report)?);
        } else {
            print(&report);
        }
        Ok(Exit::Fine)
    }
}

/// A session's figures, and the bytes of those entries that it shares with no ancestor.
fn measure(store: &dyn Store, info: &SessionInfo) -> anyhow::Result<(Session, u64)> {
    let (mut entries, mut entry_bytes, mut own_bytes) = (0, 0, 0);
    let mut next = Some(LogPos(0));
    while let Some(from) = next {
        let page = store.read(&info.session, from, PageLimit { bytes: caps::PAGE_BYTES })?;
        for (at, record) in page.records {
            if let Record::Appended { entry, .. } | Record::Edited { entry, .. } = record {
                let length = entry.source().len() as u64;
                entries += 1;
                entry_bytes += length;
                own_bytes += if at >= info.origin { length } else { 0 };
            }
        }
        next = page.next;
    }
    let session = Session {
        session: info.session.to_string(),
        entries,
        entry_bytes,
        records: info.head.0,
        shared_records: info.origin.0,
        sealed_records: info.indexed.0,
        anchors: store.anchors(&info.session, info.head)?.len(),
    };
    Ok((session, own_bytes))
}

fn print(report: &Report) {
    let width = report.sessions.iter().map(|it| it.session.len()).max().unwrap_or(0).max(7);
    println!(
        "{:width$}  {:>9}  {:>11}  {:>9}  {:>9}  {:>9}  {:>7}",
        "session", "entries", "bytes", "records", "shared", "sealed", "anchors"
    );
    for it in &report.sessions {
        println!(
            "{:width$}  {:>9}  {:>11}  {:>9}  {:>9}  {:>9}  {:>7}",
            it.session,
            it.entries,
            bytes(it.entry_bytes),
            it.records,
            it.shared_records,
            it.sealed_records,
            it.anchors
        );
    }
    println!(
        "{} sessions; the file takes {}, {:.2} of the {} that were appended",
        report.sessions.len(),
        bytes(report.file_bytes),
        report.ratio,
        bytes(report.entry_bytes)
    );
}
