//! Planning a cut, splicing and appending in views of many entries: `cargo bench -p highwater-protocol --bench view`.

use std::sync::Arc;

use divan::{Bencher, counter::ItemsCount};
use highwater_protocol::cut::{self, Cut};
use highwater_protocol::session::State;
use highwater_protocol::splice::{self, Proposal};
use highwater_protocol::{
    Budget, CallNumber, Entry, EntryId, Format, PassId, Record, Replacement, Seq, Summary,
    Timestamp, TokenCount,
};

const SIZES: [u64; 3] = [1_000, 10_000, 100_000];

fn main() {
    divan::main();
}

/// Marks for which a splice leaves a tenth of a view of so many entries.
fn budget(entries: u64) -> Budget {
    let tokens = |share: u64| TokenCount(entries * 30 * share / 100);
    Budget::new(tokens(60), tokens(14), tokens(200)).expect("rising marks")
}

fn appended(seq: u64) -> Record {
    let id = EntryId::parse(&format!("e{seq}")).expect("a legal id");
    let json = match seq % 3 {
        0 => format!(
            r#"{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"c{}","content":"{} passed"}}]}}"#,
            seq - 1,
            seq * 7
        ),
        1 => format!(
            r#"{{"role":"user","content":"Run the tests of part {seq} once more and tell what failed."}}"#
        ),
        _ => format!(
            r#"{{"role":"assistant","content":[{{"type":"text","text":"I run them."}},{{"type":"tool_use","id":"c{seq}","name":"bash","input":{{"command":"cargo test -p part{seq}"}}}}]}}"#
        ),
    };
    let entry = Entry::from_json(id, Format::Anthropic, &json).expect("a legal message");
    Record::Appended { at: Timestamp(0), seq: Seq(seq), entry: Arc::new(entry) }
}

/// A session of so many entries whose last context knows all but the last twenty.
fn session(entries: u64) -> State {
    let mut state = State::default();
    let budget = budget(entries);
    let mut apply = |record: Record| state.apply(&record).expect("a legal record");
    apply(Record::Opened { at: Timestamp(0), format: Format::Anthropic, budget });
    for seq in 1..=entries {
        apply(appended(seq));
    }
    state
}

fn answered(state: &mut State) {
    let (position, digest) = (state.view().head(), state.view().digest());
    let stand_ins = state.view().open_calls();
    let call = CallNumber(state.last_call().0 + 1);
    let record = Record::Answered { at: Timestamp(0), call, position, digest, stand_ins };
    state.apply(&record).expect("a legal record");
}

fn plan(state: &State, budget: &Budget) -> Cut {
    cut::plan(state.view(), cut::automatic_mark(state.view(), budget))
        .expect("there is much to cover")
}

#[divan::bench(args = SIZES)]
fn plan_a_cut(bencher: Bencher<'_, '_>, entries: u64) {
    let mut state = session(entries);
    answered(&mut state);
    let budget = budget(entries);
    bencher.bench_local(|| plan(&state, &budget));
}

#[divan::bench(args = SIZES, sample_count = 20)]
fn check_and_apply_a_splice(bencher: Bencher<'_, '_>, entries: u64) {
    let mut state = session(entries);
    answered(&mut state);
    let budget = budget(entries);
    let cut = plan(&state, &budget);
    let summary =
        Summary { text: "They ran the tests of every part.".into(), author: "bench".into() };
    let pieces: Vec<Replacement> = cut
        .pieces()
        .map(|covers| Replacement { covers: covers.clone(), summary: summary.clone() })
        .collect();
    let (pass, digest, up_to) = (PassId(1), cut.digest(), cut.covers().last());
    let started = Record::PassStarted { at: Timestamp(0), pass, cut: up_to, digest };
    state.apply(&started).expect("a legal record");
    let record = Record::Spliced {
        at: Timestamp(0),
        pass,
        cut: up_to,
        digest,
        pieces: pieces.clone(),
        facts: Vec::new(),
    };
    bencher.with_inputs(|| state.clone()).bench_local_values(|mut state| {
        let proposal = Proposal { pass, cut: up_to, digest: &digest, pieces: &pieces, facts: &[] };
        splice::check(state.view(), &budget, &proposal).expect("it fits");
        state.apply(&record).expect("a legal record");
        state
    });
}

#[divan::bench(args = SIZES, sample_count = 20)]
fn append_a_thousand(bencher: Bencher<'_, '_>, entries: u64) {
    let mut state = session(entries);
    let mut next = entries + 1;
    let records = || {
        let records: Vec<Record> = (next..next + 1_000).map(appended).collect();
        next += 1_000;
        records
    };
    bencher.counter(ItemsCount::new(1_000_usize)).with_inputs(records).bench_local_refs(
        |records| {
            for record in records {
                state.apply(record).expect("a legal record");
            }
        },
    );
}
