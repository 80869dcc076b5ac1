//! What the tests of a pass play on: a desk with a gate, stretches, and a pass run to its end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use highwater_protocol::limit::{ClassKind, Limits};
use highwater_protocol::stretch::{Covered, CoveredGroup, Stretch};
use highwater_protocol::{Entry, EntryId, Format, Seq, SeqRange, Summary, TokenCount, tokens};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::compactor::Desk;
use crate::compactor::levels::Levels;
use crate::compactor::patience::Patience;
use crate::compactor::writer::Writer;
use crate::gate::{Errand, Gate, HOUSE, Pressure};
use crate::summarize::{KeptSummaries, Scripted, Step, Summarizer};

pub(super) const DEADLINE: Duration = Duration::from_secs(100);

/// The smallest window: about 600 tokens of data for each call.
pub(super) const WINDOW: TokenCount = TokenCount(1_024);

/// A desk with one slot for compaction.
pub(super) async fn desk(summarizer: impl Summarizer) -> Desk {
    desk_of(vec![Arc::new(summarizer)]).await
}

/// The same with several summarizers.
pub(super) async fn desk_of(summarizers: Vec<Arc<dyn Summarizer>>) -> Desk {
    let gate = Gate::new(1);
    gate.register(HOUSE, Limits::slots(1), BTreeMap::new()).await.expect("legal limits");
    Desk { summarizers: summarizers.into(), gate, kept: Arc::new(KeptSummaries::new(1 << 20)) }
}

pub(super) fn scripted(steps: impl IntoIterator<Item = Step>) -> Scripted {
    Scripted::new(steps).with_window(WINDOW)
}

pub(super) fn says(text: &str) -> Step {
    Step::Say { after: Duration::from_secs(1), text: text.to_owned() }
}

pub(super) fn group(seq: u64, json: &str) -> Covered {
    let id = EntryId::parse(&format!("e{seq}")).expect("a legal id");
    let entry = Entry::from_json(id, Format::Anthropic, json).expect("a legal message");
    let message = Arc::clone(entry.message());
    let tokens = message.tokens();
    Covered::Group(CoveredGroup { members: vec![(Seq(seq), message)], tokens })
}

/// So many messages of the user, about 440 tokens each: one for each chunk of the smallest window.
pub(super) fn stretch(messages: u64, cap: u64) -> Stretch {
    stretch_from(1, messages, cap)
}

/// The same with numbers from `first` on.
pub(super) fn stretch_from(first: u64, messages: u64, cap: u64) -> Stretch {
    let message = |seq: u64| {
        let text = format!("Message {seq}: {}", "we must check berth number four. ".repeat(70));
        group(seq, &format!(r#"{{"role":"user","content":"{text}"}}"#))
    };
    let end = first + messages;
    let covers = SeqRange::inclusive(Seq(first), Seq(end.saturating_sub(1).max(first))).into();
    Stretch { covers, parts: (first..end).map(message).collect(), cap: TokenCount(cap) }
}

/// A pass that has ended.
pub(super) struct Ended {
    pub(super) summaries: Vec<Summary>,
    /// What was told of its progress, as "done of total".
    pub(super) told: Vec<String>,
    pub(super) took: Duration,
}

impl Ended {
    /// The only summary's text and author.
    pub(super) fn only(&self) -> (&str, &str) {
        assert_eq!(self.summaries.len(), 1);
        (&self.summaries[0].text, &self.summaries[0].author)
    }
}

/// Runs a pass that nobody hurries.
pub(super) async fn pass(desk: &Desk, stretches: &[Stretch]) -> Ended {
    run(desk, stretches, pressed(false), None).await
}

/// A pressure that stays as it is.
pub(super) fn pressed(hurried: bool) -> watch::Receiver<Pressure> {
    watch::channel(Pressure { fill: 60, hurried }).1
}

/// Runs a pass. Every summary is within its cap, and the permit came back.
pub(super) async fn run(
    desk: &Desk,
    stretches: &[Stretch],
    pressed: watch::Receiver<Pressure>,
    focus: Option<&str>,
) -> Ended {
    let told = Mutex::new(Vec::new());
    let progressed = |done: u32, total: u32| {
        told.lock().expect("nobody panics with it").push(format!("{done} of {total}"));
    };
    let started = Instant::now();
    let patience = Patience::new(DEADLINE, pressed.clone());
    let errand = Errand::of_pass(desk.gate.clone(), pressed, None).until(patience.ends());
    let writer = Writer::new(desk.clone(), errand, focus.map(Into::into), patience);
    let summaries = Levels::new(writer, &progressed).summarize(stretches).await;
    let took = started.elapsed();
    assert_eq!(summaries.len(), stretches.len());
    for (summary, stretch) in summaries.iter().zip(stretches) {
        let size = tokens::estimate(&summary.text);
        assert!(size <= stretch.cap, "{size} of {}:\n{}", stretch.cap, summary.text);
        assert!(!summary.text.trim().is_empty(), "a summary says something");
    }
    let gate = desk.gate.status_of(HOUSE).await.expect("it answers");
    assert_eq!(gate.held().of(ClassKind::Compaction), 0, "the permit came back");
    let told = told.into_inner().expect("nobody panics with it");
    Ended { summaries, told, took }
}
