//! `highwater maintain`: seals what stands behind each session's tail, removes payloads that nothing refers to, and
//! gives free room of the file back. Each step is a transaction of its own, so that it can be stopped at any moment.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use highwater_protocol::Timestamp;
use highwater_storage::{RedbStore, Store, StoreError};
use serde::Serialize;

use super::{Listed, Target, each_session, open, records};
use crate::exit::Exit;
use crate::output::print;
use crate::progress::Steps;
use crate::report::words::{bytes, counted};

/// What `maintain` takes.
#[derive(Debug, Args)]
pub(crate) struct Maintain {
    #[command(flatten)]
    target: Target,
    /// Keep payloads that nothing refers to for so many hours
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    keep_hours: u32,
}

#[derive(Debug, Default, Serialize)]
struct Report {
    sealed_records: u64,
    removed_payloads: u64,
    file_bytes_before: u64,
    file_bytes_after: u64,
    /// Sessions that are damaged, and what was found. They were left as they are.
    damaged: Vec<Damaged>,
}

#[derive(Debug, Serialize)]
struct Damaged {
    session: String,
    what: String,
}

impl Maintain {
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        let mut store = open(&self.target.store)?;
        let mut report = Report::default();
        report.seal(&store, self.target.is_quiet())?;
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let kept_ms = i64::from(self.keep_hours) * 3_600_000;
        let swept = store.sweep_blobs(Timestamp(i64::try_from(since_epoch)? - kept_ms))?;
        report.removed_payloads = swept.blobs;
        (report.file_bytes_before, report.file_bytes_after) = store.compact()?;
        let text = if self.target.json { serde_json::to_string(&report)? } else { report.text() };
        print(&text)?;
        Ok(if report.damaged.is_empty() { Exit::Fine } else { Exit::Failed })
    }
}

impl Report {
    fn seal(&mut self, store: &RedbStore, quiet: bool) -> anyhow::Result<()> {
        let progress = Steps::new("sealing", quiet);
        let (all, mut done) = (records(store)?, 0);
        let mut damaged = |session, what| self.damaged.push(Damaged { session, what });
        each_session(store, |listed| {
            let info = match listed {
                Listed::Known(info) => info,
                Listed::Damaged(session, why) => {
                    damaged(session.to_string(), why);
                    return Ok(());
                }
            };
            loop {
                match store.seal(&info.session, info.head) {
                    Ok(sealed) => {
                        self.sealed_records += sealed.records;
                        progress.show(done + sealed.below.0, all);
                        if !sealed.more {
                            break;
                        }
                    }
                    Err(error @ StoreError::Damaged { .. }) => {
                        damaged(info.session.to_string(), error.to_string());
                        break;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            done += info.head.0;
            Ok(())
        })?;
        progress.finish();
        Ok(())
    }

    fn text(&self) -> String {
        let told = |Damaged { session, what }: &Damaged| {
            format!("session {session}: {what}; it was left as it is, see `highwater doctor`\n")
        };
        let text: String = self.damaged.iter().map(told).collect();
        text + &format!(
            "sealed {}, removed {}; the file went from {} to {}",
            counted(self.sealed_records, "record"),
            counted(self.removed_payloads, "payload"),
            bytes(self.file_bytes_before),
            bytes(self.file_bytes_after)
        )
    }
}
