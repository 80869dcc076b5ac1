//! `highwater doctor`: whether a store is sound, session by session, and what is wrong where it is not.

use std::fmt::Write;

use clap::Args;
use highwater::examine::{self, Examined};
use highwater_protocol::{LogPos, SessionId};
use highwater_storage::{LostPayload, RedbStore};
use serde::Serialize;

use super::{Listed, Target, each_session, open_to_read, records};
use crate::exit::Exit;
use crate::output::print;
use crate::progress::Steps;
use crate::report::words::{bytes, counted};

/// What `doctor` takes.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Default, Serialize)]
struct Report {
    sound: bool,
    /// Whether the pages of the file are sound.
    file_sound: bool,
    sessions: u64,
    records: u64,
    entries: u64,
    entry_bytes: u64,
    anchors: u64,
    payloads: u64,
    /// Payloads that no record refers to. They do no harm; `maintain` removes them.
    unreferenced_payloads: u64,
    findings: Vec<Finding>,
    /// Findings that are not listed: of each session the first ones are.
    more_findings: u64,
}

#[derive(Debug, Serialize)]
struct Finding {
    /// `None` when it is no single session's.
    session: Option<String>,
    /// The position in the session's log.
    at: Option<u64>,
    what: String,
}

impl Doctor {
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        let mut store = open_to_read(&self.target.store)?;
        let mut report = Report::default();
        report.examine_sessions(&store, self.target.is_quiet());
        match store.examine_rows() {
            Ok(found) => found.into_iter().for_each(|what| report.find(None, None, what)),
            Err(error) => report.find(None, None, error.to_string()),
        }
        report.examine_payloads(&store);
        report.examine_file(&mut store);
        report.sound = report.findings.is_empty();
        let text = if self.target.json { serde_json::to_string(&report)? } else { report.text() };
        print(&text)?;
        Ok(if report.sound { Exit::Fine } else { Exit::Failed })
    }
}

impl Report {
    fn find(&mut self, session: Option<&SessionId>, at: Option<u64>, what: impl Into<String>) {
        let session = session.map(ToString::to_string);
        self.findings.push(Finding { session, at, what: what.into() });
    }

    /// Each session by itself: what is wrong with one says nothing about the others.
    fn examine_sessions(&mut self, store: &RedbStore, quiet: bool) {
        let progress = Steps::new("reading and folding", quiet);
        let listed = records(store).and_then(|records| {
            let mut done = 0;
            each_session(store, |listed| {
                self.sessions += 1;
                let info = match listed {
                    Listed::Known(info) => info,
                    Listed::Damaged(session, why) => {
                        let what = format!("{why}; the session cannot be opened, restore a copy");
                        self.find(Some(&session), None, what);
                        return Ok(());
                    }
                };
                let show = |here| progress.show(done + here, 2 * records);
                match examine::examine(store, &info.session, show) {
                    Ok(examined) => self.take(&info.session, examined),
                    Err(error) => self.find(Some(&info.session), None, error.to_string()),
                }
                done += 2 * info.head.0;
                Ok(())
            })
        });
        progress.finish();
        if let Err(error) = listed {
            self.find(None, None, format!("{error:#}"));
        }
    }

    fn take(&mut self, session: &SessionId, examined: Examined) {
        self.records += examined.records;
        self.entries += examined.entries;
        self.entry_bytes += examined.entry_bytes;
        self.anchors += examined.anchors;
        self.more_findings += examined.more_findings;
        for finding in examined.findings {
            let LogPos(at) = finding.at;
            self.find(Some(session), Some(at), finding.what);
        }
    }

    fn examine_payloads(&mut self, store: &RedbStore) {
        let found = match store.examine_payloads() {
            Ok(found) => found,
            Err(error) => return self.find(None, None, error.to_string()),
        };
        self.payloads = found.payloads;
        self.unreferenced_payloads = found.unreferenced;
        for LostPayload { digest, why, entries } in found.lost {
            let what = format!("the payload {digest}: {why}; {entries} entries refer to it");
            self.find(None, None, what);
        }
    }

    fn examine_file(&mut self, store: &mut RedbStore) {
        match store.check_file() {
            Ok(true) => self.file_sound = true,
            Ok(false) => {
                let what = "pages of the file are lost or damaged; the next command that writes to it mends what it can: \
                            make a copy before";
                self.find(None, None, what);
            }
            Err(error) => self.find(None, None, error.to_string()),
        }
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{}, {}, {} of {}, {}, {}\n",
            counted(self.sessions, "session"),
            counted(self.records, "record"),
            counted(self.entries, "entry"),
            bytes(self.entry_bytes),
            counted(self.anchors, "anchor"),
            counted(self.payloads, "payload")
        );
        if self.findings.is_empty() {
            text += "every hash verified, every log folded, every answered context's view and every anchor compared\n";
        }
        let mut line = |said: String| writeln!(text, "{said}").expect("a text takes all");
        if self.unreferenced_payloads > 0 {
            let payloads = counted(self.unreferenced_payloads, "payload");
            line(format!(
                "{payloads} that nothing refers to, which does no harm; `highwater maintain` removes what is old"
            ));
        }
        for Finding { session, at, what } in &self.findings {
            line(match (session, at) {
                (Some(session), Some(at)) => format!("session {session}, record @{at}: {what}"),
                (Some(session), None) => format!("session {session}: {what}"),
                _ => what.clone(),
            });
        }
        if self.more_findings > 0 {
            line(format!("and {} more", counted(self.more_findings, "finding")));
        }
        text + "sound: " + if self.sound { "yes" } else { "no" }
    }
}
