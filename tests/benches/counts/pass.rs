//! What both ends of a pass take from the session that it runs beside: planning its cut, and splicing its summary in.

use std::path::Path;

use highwater_protocol::cut::{self, Cut};
use highwater_protocol::session::State;
use highwater_protocol::splice::{self, Proposal};
use highwater_protocol::{CallNumber, PassId, Record, Replacement, Summary, TokenCount};
use highwater_tests::grown;

use crate::callgrind::{TIMES, counted_from_here};
use crate::ground::{self, NOW};

/// The session of a store with as many new entries as its view takes up to a mark, all of them answered.
fn full(dir: &Path, mark: TokenCount) -> State {
    let mut state = ground::state(dir);
    let mut number = 1_000_000;
    while state.view().tokens() < mark {
        let (seq, entry) = (state.view().head().next(), grown::entry(number));
        state.apply(&Record::Appended { at: NOW, seq, entry }).expect("a legal record");
        number += 1;
    }
    let (position, digest) = (state.view().head(), state.view().digest());
    let stand_ins = state.view().open_calls();
    let call = CallNumber(state.last_call().0 + 1);
    let answered = Record::Answered { at: NOW, call, position, digest, stand_ins };
    state.apply(&answered).expect("a legal record");
    state
}

fn planned(state: &State) -> Cut {
    let mark = cut::automatic_mark(state.view(), &grown::config().budget);
    cut::plan(state.view(), mark).expect("there is much to cover")
}

/// A cut of the largest view that a context can have.
pub(crate) fn plan(dir: &Path) {
    let state = full(dir, grown::config().budget.hard());
    for _ in 0..TIMES {
        let mut cut = None;
        counted_from_here(&mut || cut = Some(planned(&state)));
        assert!(cut.is_some_and(|cut| cut.covers().last() < state.view().head()), "a tail stays");
    }
}

/// The check and the fold of a summary, in a view that is large enough for a pass.
pub(crate) fn splice(dir: &Path) {
    let budget = grown::config().budget;
    let mut state = full(dir, budget.trigger());
    let cut = planned(&state);
    let summary = Summary { text: "Ferries left from all piers.".into(), author: "bench".into() };
    let pieces: Vec<Replacement> = cut
        .pieces()
        .map(|covers| Replacement { covers: covers.clone(), summary: summary.clone() })
        .collect();
    let (pass, digest, up_to) =
        (PassId(state.last_pass().0 + 1), cut.digest(), cut.covers().last());
    let started = Record::PassStarted { at: NOW, pass, cut: up_to, digest };
    state.apply(&started).expect("a legal record");
    let spliced = Record::Spliced {
        at: NOW,
        pass,
        cut: up_to,
        digest,
        pieces: pieces.clone(),
        facts: Vec::new(),
    };
    for _ in 0..TIMES {
        let mut state = state.clone();
        counted_from_here(&mut || {
            let proposal =
                Proposal { pass, cut: up_to, digest: &digest, pieces: &pieces, facts: &[] };
            splice::check(state.view(), &budget, &proposal).expect("it fits");
            state.apply(&spliced).expect("a legal record");
        });
        assert!(state.view().tokens() <= budget.landing(), "it has landed");
    }
}
