//! `highwater stats`: which sessions a store holds, how large they are, and what room they take.

use std::fmt::Write;

use clap::Args;
use highwater_protocol::{EntryOf, LogPos, Record, caps};
use highwater_storage::{PageLimit, SessionInfo, Store, StoreError};
use serde::Serialize;

use super::{Listed, Target, each_session, open_to_read, ratio, records};
use crate::exit::Exit;
use crate::output::print;
use crate::progress::Steps;
use crate::report::words::{bytes, counted};

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

#[derive(Debug, Default, Serialize)]
struct Session {
    #[serde(rename = "session")]
    name: String,
    entries: u64,
    entry_bytes: u64,
    records: u64,
    /// Records that it shares with the session that it was forked from.
    shared_records: u64,
    /// Records that are sealed, of its own and of those that it shares.
    sealed_records: u64,
    anchors: usize,
    /// The first thing that was found to be damaged. The figures then leave out what cannot be read.
    damaged: Option<String>,
    #[serde(skip)]
    own_bytes: u64,
}

impl Stats {
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        let store = open_to_read(&self.target.store)?;
        let progress = Steps::new("reading", self.target.is_quiet());
        let (all, mut done) = (records(&store)?, 0);
        let mut sessions = Vec::new();
        each_session(&store, |listed| {
            sessions.push(match listed {
                Listed::Known(info) => {
                    let session = Session::of(&store, &info, |at| progress.show(done + at, all))?;
                    done += info.head.0;
                    session
                }
                Listed::Damaged(session, why) => {
                    Session { name: session.to_string(), damaged: Some(why), ..Session::default() }
                }
            });
            Ok(())
        })?;
        progress.finish();
        let own_bytes = sessions.iter().map(|it| it.own_bytes).sum();
        let file_bytes = store.usage()?.bytes;
        let ratio = ratio(file_bytes, own_bytes);
        let report = Report { file_bytes, entry_bytes: own_bytes, ratio, sessions };
        let text = if self.target.json { serde_json::to_string(&report)? } else { report.text() };
        print(&text)?;
        let is_whole = report.sessions.iter().all(|it| it.damaged.is_none());
        Ok(if is_whole { Exit::Fine } else { Exit::Failed })
    }
}

impl Session {
    /// The figures of a session, as far as it can be read.
    fn of(store: &dyn Store, info: &SessionInfo, show: impl Fn(u64)) -> anyhow::Result<Self> {
        let mut session = Self {
            name: info.session.to_string(),
            records: info.head.0,
            shared_records: info.origin.0,
            sealed_records: info.indexed.0,
            anchors: store.anchors(&info.session, info.head)?.len(),
            ..Self::default()
        };
        let mut next = Some(LogPos(0)).filter(|_| info.head > LogPos(0));
        while let Some(from) = next {
            show(from.0);
            match store.read(&info.session, from, PageLimit { bytes: caps::PAGE_BYTES }) {
                Ok(page) => {
                    page.records
                        .iter()
                        .for_each(|(at, record)| session.count(*at >= info.origin, record));
                    next = page.next;
                }
                Err(StoreError::Damaged { at, until, why, .. }) => {
                    session.damaged.get_or_insert_with(|| format!("record @{}: {why}", at.0));
                    next = Some(until).filter(|until| *until > from && *until < info.head);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(session)
    }

    fn count(&mut self, is_own: bool, record: &Record) {
        if let Some(EntryOf { entry, .. }) = record.entry() {
            let length = entry.source().len() as u64;
            self.entries += 1;
            self.entry_bytes += length;
            self.own_bytes += if is_own { length } else { 0 };
        }
    }
}

impl Report {
    fn text(&self) -> String {
        let mut text = String::new();
        let width = self.sessions.iter().map(|it| it.name.len()).max().unwrap_or(0).max(7);
        let mut line = |cells: [&str; 7], damaged: &str| {
            let [session, entries, bytes, records, shared, sealed, anchors] = cells;
            let row = format!(
                "{session:width$}  {entries:>9}  {bytes:>11}  {records:>9}  {shared:>9}  {sealed:>9}  {anchors:>7}"
            );
            writeln!(text, "{row}{damaged}").expect("a text takes all");
        };
        line(["session", "entries", "bytes", "records", "shared", "sealed", "anchors"], "");
        for it in &self.sessions {
            let damaged =
                it.damaged.as_ref().map_or_else(String::new, |why| format!("  damaged: {why}"));
            let counts = [it.entries, it.records, it.shared_records, it.sealed_records];
            let [entries, records, shared, sealed] = counts.map(|count| count.to_string());
            let (size, anchors) = (bytes(it.entry_bytes), it.anchors.to_string());
            line([&it.name, &entries, &size, &records, &shared, &sealed, &anchors], &damaged);
        }
        text + &format!(
            "{}; the file takes {}, {:.2} of the {} that were appended",
            counted(self.sessions.len() as u64, "session"),
            bytes(self.file_bytes),
            self.ratio,
            bytes(self.entry_bytes)
        )
    }
}
