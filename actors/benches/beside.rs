//! What does a pass in flight cost the calls beside it? Two sessions of equal view size in one house over one redb file:
//! one has a pass in flight whose summarizer works all the while, the other has none. Calls alternate between the two,
//! so that both see the same machine. Prints p50, p99 and maximum of each arm and the ratio of the p99s.
//!
//! Run: `cargo bench -p highwater --bench beside`

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use highwater::protocol::message::{CompactReply, ContextReply, OpenCalls};
use highwater::protocol::session::SessionConfig;
use highwater::protocol::{Budget, Entry, EntryId, Error, Format, SessionId, TokenCount};
use highwater::storage::{RedbOptions, RedbStore};
use highwater::summarize::{Completion, Extractive, SummarizeError, Summarizer, SummaryRequest};
use highwater::{Highwater, SessionHandle};

/// Rounds of [`CALLS`] appends and contexts for each arm: 10,000 of each in all.
const ROUNDS: usize = 100;
const CALLS: usize = 100;
/// Entries that a view holds before it is measured: about 30,000 tokens.
const FILL: usize = 300;

/// Works in many small chunks, each with a wait as for a model and the extraction of its text: a pass outlasts a round.
struct Busy;

#[async_trait]
impl Summarizer for Busy {
    fn name(&self) -> &'static str {
        "busy"
    }

    fn window(&self) -> TokenCount {
        TokenCount(1_024)
    }

    /// Rounds are alike, and each shall have its pass.
    fn is_deterministic(&self) -> bool {
        true
    }

    async fn summarize(&self, request: SummaryRequest) -> Result<Completion, SummarizeError> {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Extractive.summarize(request).await
    }
}

/// Samples of one arm.
#[derive(Default)]
struct Arm {
    appends: Vec<Duration>,
    contexts: Vec<Duration>,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = RedbStore::open(dir.path(), RedbOptions::default()).expect("a new store");
    let house = Highwater::builder(store).summarizer(Busy).start().await?;
    let (mut with, mut without) = (Arm::default(), Arm::default());
    for round in 0..ROUNDS {
        let busy = filled(&house, &format!("with-{round}")).await?;
        let idle = filled(&house, &format!("without-{round}")).await?;
        let started = busy.compact(None, None).await?;
        assert!(matches!(started, CompactReply::Started(_)), "a pass must run: {started:?}");
        for call in 0..CALLS {
            measure(&busy, call, &mut with).await?;
            measure(&idle, call, &mut without).await?;
        }
        let still = busy.cancel().await?;
        assert!(still.is_some(), "the pass must outlast its round");
        busy.close().await?;
        idle.close().await?;
    }
    house.close().await?;
    println!("{ROUNDS} rounds of {CALLS} calls; view of about {} tokens", FILL * 100);
    report("append", &mut with.appends, &mut without.appends);
    report("context", &mut with.contexts, &mut without.contexts);
    Ok(())
}

async fn filled(house: &Highwater, name: &str) -> Result<SessionHandle, Error> {
    let budget = Budget::new(TokenCount(60_000), TokenCount(4_000), TokenCount(90_000))?;
    let config =
        SessionConfig { automatic: false, ..SessionConfig::new(budget, Format::Anthropic) };
    let session = house.open(SessionId::parse(name)?, config).await?;
    let entries: Result<Vec<_>, Error> =
        (0..FILL).map(|n| entry("fill", n).map(Arc::new)).collect();
    session.append(entries?).await?;
    session.context(OpenCalls::Refuse).await?;
    Ok(session)
}

fn entry(kind: &str, number: usize) -> Result<Entry, Error> {
    let text =
        format!("{kind} {number}: {}", "the ferry leaves at seven from the north pier. ".repeat(9));
    Entry::user(EntryId::parse(&format!("{kind}-{number}"))?, &text)
}

async fn measure(session: &SessionHandle, call: usize, arm: &mut Arm) -> Result<(), Error> {
    let entry = Arc::new(entry("call", call)?);
    let started = Instant::now();
    session.append(vec![entry]).await?;
    arm.appends.push(started.elapsed());
    let started = Instant::now();
    let answer = session.context(OpenCalls::Refuse).await?;
    arm.contexts.push(started.elapsed());
    assert!(matches!(answer, ContextReply::Ready(_)), "no context: {answer:?}");
    Ok(())
}

fn report(what: &str, with: &mut [Duration], without: &mut [Duration]) {
    let (with, without) = (quantiles(with), quantiles(without));
    let ratio = with[1].as_secs_f64() / without[1].as_secs_f64();
    for (arm, [p50, p99, max]) in [("with a pass", with), ("without", without)] {
        println!("{what:8} {arm:12} p50 {p50:>10.1?}  p99 {p99:>10.1?}  max {max:>10.1?}");
    }
    println!("{what:8} p99 with / without: {ratio:.2}");
}

/// p50, p99 and maximum by nearest rank.
fn quantiles(samples: &mut [Duration]) -> [Duration; 3] {
    samples.sort_unstable();
    let at = |percent: usize| samples[(samples.len() * percent).div_ceil(100).max(1) - 1];
    [at(50), at(99), at(100)]
}
