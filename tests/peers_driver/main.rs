//! Highwater's driver in the comparison with its peers: plays the phases of the common workload through the library and
//! prints one JSON object. `tests/peers/README.md` says what the phases are and how to run all drivers.
//!
//! Run: `peers_driver PHASE WORKLOAD.json`

#![expect(clippy::cast_precision_loss, reason = "figures for people")]

mod appends;
mod measure;
mod phases;

use std::sync::Arc;

use async_trait::async_trait;
use highwater::protocol::limit::Limits;
use highwater::protocol::session::SessionConfig;
use highwater::protocol::tokens::{BLOCK_OVERHEAD_TOKENS, estimate};
use highwater::protocol::{Budget, Entry, EntryId, Format, SessionId, TokenCount};
use highwater::storage::{RedbOptions, RedbStore};
use highwater::summarize::{Completion, SummarizeError, Summarizer, SummaryRequest};
use highwater::{Highwater, SessionHandle};
use measure::Measure;
use serde_json::Value;

/// Calls that the provider is taken to allow at once, and the share of them that is for turns alone: what a host states
/// for its account.
const PROVIDER_SLOTS: (u32, u8) = (16, 25);

/// The model that summarizes: as slow as the workload says.
struct Slow {
    measure: Arc<Measure>,
    summary: String,
    takes_ms: u64,
}

#[async_trait]
impl Summarizer for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn window(&self) -> TokenCount {
        TokenCount(200_000)
    }

    async fn summarize(&self, _: SummaryRequest) -> Result<Completion, SummarizeError> {
        self.measure.summary_call(self.takes_ms).await;
        Ok(Completion::whole(self.summary.clone()))
    }
}

/// A house over a redb store in a directory, with the workload's marks for its sessions.
struct Stage {
    house: Highwater,
    config: SessionConfig,
}

impl Stage {
    async fn new(
        work: &Value,
        phase: &Value,
        measure: &Arc<Measure>,
        dir: &std::path::Path,
    ) -> Self {
        let store = RedbStore::open(dir, RedbOptions::default()).expect("a store");
        let summary = work["summary"].as_str().expect("a text").to_owned();
        let takes_ms = phase["summary_ms"].as_u64().unwrap_or_default();
        let slow = Slow { measure: Arc::clone(measure), summary, takes_ms };
        let limits = Limits::slots(PROVIDER_SLOTS.0).reserve(PROVIDER_SLOTS.1);
        let house = Highwater::builder(store).summarizer(slow).limits(limits).start().await;
        Self { house: house.expect("it starts"), config: config(work) }
    }

    async fn open(&self, name: &str) -> SessionHandle {
        self.open_as(name, self.config).await
    }

    /// A session that is only appended to. It compacts by wish alone: the peers compact within turns, not with an
    /// append.
    async fn writer(&self, name: &str) -> SessionHandle {
        self.open_as(name, SessionConfig { automatic: false, ..self.config }).await
    }

    async fn open_as(&self, name: &str, config: SessionConfig) -> SessionHandle {
        let name = SessionId::parse(name).expect("a legal name");
        self.house.open(name, config).await.expect("it opens")
    }
}

/// Marks at so many messages of the workload, as Highwater estimates them. A quarter of the landing mark is the
/// summary's, the rest is the kept tail; the hard mark leaves as much room as the trigger took.
fn config(work: &Value) -> SessionConfig {
    let count = |name: &str| work[name].as_u64().expect("a number");
    let turns = work["steady"]["turns"].as_array().expect("a list");
    let texts = turns.iter().flat_map(|turn| [&turn["user"], &turn["assistant"]]);
    let sizes = texts.map(|text| estimate(text.as_str().expect("a text")).0);
    let each = sizes.sum::<u64>() / (2 * turns.len() as u64) + BLOCK_OVERHEAD_TOKENS.0;
    let (trigger, kept) = (each * count("trigger_messages"), each * count("kept_messages"));
    let marks = Budget::new(TokenCount(trigger), TokenCount(kept * 4 / 3), TokenCount(trigger * 2));
    SessionConfig::new(marks.expect("rising marks"), Format::Anthropic)
}

/// A message as an entry.
fn message(id: &str, text: &str, user: bool) -> Arc<Entry> {
    let id = EntryId::parse(id).expect("a legal id");
    let said = if user { Entry::user(id, text) } else { Entry::assistant(id, text) };
    Arc::new(said.expect("a small entry"))
}

/// Texts as entries, by turns of the user and the assistant. The session's name makes them its own: a summary of the
/// same texts is not asked for twice.
fn messages(session: &str, texts: &[Value]) -> Vec<Arc<Entry>> {
    let numbered = texts.iter().enumerate();
    let said = numbered.map(|(number, text)| {
        let text = format!("{session} {}", text.as_str().expect("a text"));
        message(&format!("f{number}"), &text, number.is_multiple_of(2))
    });
    said.collect()
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(phase), Some(path)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: peers_driver steady|leisure|crowd|losses|appends|syncs WORKLOAD.json");
        std::process::exit(2);
    };
    let text = std::fs::read_to_string(path).expect("the workload is readable");
    let work: Value = serde_json::from_str(&text).expect("the workload is JSON");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let dir = tempfile::tempdir().expect("a directory");
    let found = runtime.expect("a runtime").block_on(phases::play(&phase, &work, dir.path()));
    println!("{found}");
}
