//! `highwater maintain`: seals what stands behind each session's tail, removes payloads that nothing refers to, and gives
//! free room of the file back.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use highwater_protocol::Timestamp;
use highwater_storage::Store;
use serde::Serialize;

use super::{Target, bytes, each_session, open};
use crate::exit::Exit;

/// What `maintain` takes.
#[derive(Debug, Args)]
pub(crate) struct Maintain {
    #[command(flatten)]
    target: Target,
    /// Keep payloads that nothing refers to for so many hours
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    keep_hours: u32,
}

#[derive(Debug, Serialize)]
struct Report {
    sealed_records: u64,
    removed_payloads: u64,
    file_bytes_before: u64,
    file_bytes_after: u64,
}

impl Maintain {
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        let mut store = open(&self.target.store)?;
        let mut sealed_records = 0;
        each_session(&store, |info| {
            loop {
                let sealed = store.seal(&info.session, info.head)?;
                sealed_records += sealed.records;
                if !sealed.more {
                    return Ok(());
                }
            }
        })?;
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let kept_ms = i64::from(self.keep_hours) * 3_600_000;
        let swept = store.sweep_blobs(Timestamp(i64::try_from(since_epoch)? - kept_ms))?;
        let (file_bytes_before, file_bytes_after) = store.compact()?;
        let report = Report {
            sealed_records,
            removed_payloads: swept.blobs,
            file_bytes_before,
            file_bytes_after,
        };
        if self.target.json {
            println!("{}", serde_json::to_string(&report)?);
        } else {
            println!(
                "sealed {} records, removed {} payloads; the file went from {} to {}",
                report.sealed_records,
                report.removed_payloads,
                bytes(report.file_bytes_before),
                bytes(report.file_bytes_after)
            );
        }
        Ok(Exit::Fine)
    }
}
