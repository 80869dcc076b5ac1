//! `highwater doctor`: whether a store is sound, session by session, and what is wrong where it is not.

use clap::Args;
use highwater::examine::{self, Examined};
use highwater_protocol::LogPos;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::{Target, bytes, each_session, open};
use crate::exit::Exit;

/// What `doctor` takes.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    target: Target,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    sound: bool,
    /// Whether the pages of the file are sound; what could be mended is.
    file_sound: bool,
    sessions: u64,
    records: u64,
    entries: u64,
    entry_bytes: u64,
    anchors: u64,
    /// Payloads that no record refers to. They do no harm; `maintain` removes them.
    unreferenced_payloads: u64,
    findings: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct Finding {
    session: Option<String>,
    at: Option<u64>,
    what: String,
}

impl Doctor {
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        let mut store = open(&self.target.store)?;
        let mut report = Report {
            sound: true,
            file_sound: store.check_file()?,
            sessions: 0,
            records: 0,
            entries: 0,
            entry_bytes: 0,
            anchors: 0,
            unreferenced_payloads: 0,
            findings: Vec::new(),
        };
        let progress = self.progress();
        each_session(&store, |info| {
            progress.set_message(info.session.to_string());
            let session = info.session;
            match examine::examine(&store, &session) {
                Ok(examined) => report.take(&session.to_string(), examined),
                Err(error) => report.find(Some(session.to_string()), None, error.to_string()),
            }
            report.sessions += 1;
            progress.inc(1);
            Ok(())
        })?;
        progress.finish_and_clear();
        let payloads = store.examine_payloads()?;
        report.unreferenced_payloads = payloads.unreferenced;
        for (digest, why) in payloads.damaged {
            report.find(None, None, format!("the payload {digest} is damaged: {why}"));
        }
        if !report.file_sound {
            report.find(None, None, "the file had lost pages; they were mended".to_owned());
        }
        report.sound = report.findings.is_empty();
        if self.target.json {
            println!("{}", serde_json::to_string(&report)?);
        } else {
            report.print();
        }
        Ok(if report.sound { Exit::Fine } else { Exit::Failed })
    }

    fn progress(&self) -> ProgressBar {
        if self.quiet || self.target.json {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{spinner} {pos} sessions examined, now {msg}");
        ProgressBar::new_spinner().with_style(style.expect("the template is a legal one"))
    }
}

impl Report {
    fn take(&mut self, session: &str, examined: Examined) {
        self.records += examined.records;
        self.entries += examined.entries;
        self.entry_bytes += examined.entry_bytes;
        self.anchors += examined.anchors;
        for finding in examined.findings {
            let LogPos(at) = finding.at;
            self.find(Some(session.to_owned()), Some(at), finding.what);
        }
    }

    fn find(&mut self, session: Option<String>, at: Option<u64>, what: String) {
        self.findings.push(Finding { session, at, what });
    }

    fn print(&self) {
        println!(
            "{} sessions, {} records, {} entries of {}, {} anchors: every hash verified, every log folded",
            self.sessions,
            self.records,
            self.entries,
            bytes(self.entry_bytes),
            self.anchors
        );
        if self.unreferenced_payloads > 0 {
            println!("{} payloads that nothing refers to", self.unreferenced_payloads);
        }
        for Finding { session, at, what } in &self.findings {
            match (session, at) {
                (Some(session), Some(at)) => println!("{session}, record @{at}: {what}"),
                (Some(session), None) => println!("{session}: {what}"),
                _ => println!("{what}"),
            }
        }
        println!("sound: {}", if self.sound { "yes" } else { "no" });
    }
}
