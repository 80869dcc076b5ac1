//! Tests of reported usage: it moves the marks, is a record, and is taken once for each context.

use crate::caps;
use crate::error::Kind;
use crate::ids::CallNumber;
use crate::message::{Reply, Request};
use crate::session::tests::desk::*;
use crate::tokens::Usage;
use crate::{Error, Record, TokenCount};

fn report(desk: &mut Desk, call: CallNumber, input: TokenCount) -> Result<bool, Error> {
    let usage = Usage { input, ..Usage::default() };
    let (_, reply) = desk.ask(Request::ReportUsage { call, model: "m".into(), usage });
    reply.map(|reply| matches!(reply, Reply::Changed(true)))
}

#[test]
fn a_model_that_counts_more_has_passes_start_earlier_also_after_a_restart() {
    let trigger = config().budget.trigger();
    let mut desk = Desk::new(config());
    desk.append(&[says("first", 1_000)]);
    let context = desk.context();
    let counted = TokenCount(context.tokens.0 * 3 / 2);
    assert!(report(&mut desk, context.call, counted).expect("a fresh report"));
    let commands = desk.append(&[says("second", 150)]);
    assert!(started(&commands).is_none(), "the corrected size is below the trigger");
    let commands = desk.append(&[says("third", 300)]);
    let state = desk.session.state();
    assert!(state.view().tokens() < trigger, "by the estimate alone nothing were due");
    assert!(state.corrected(state.view().tokens()) > trigger);
    assert!(started(&commands).is_some());
    let recovered = desk.recovered();
    let size = recovered.state().view().tokens();
    assert_eq!(recovered.state().corrected(size), state.corrected(size));
    assert_eq!(recovered.state().marks(config().budget), state.marks(config().budget));
}

#[test]
fn a_model_that_counts_less_has_passes_start_later() {
    let mut desk = Desk::new(config());
    desk.append(&[says("first", 1_200)]);
    let context = desk.context();
    report(&mut desk, context.call, TokenCount(context.tokens.0 / 2)).expect("a fresh report");
    let commands = desk.append(&[says("second", 1_200)]);
    assert!(started(&commands).is_none(), "2,400 estimated are 1,200");
}

#[test]
fn usage_is_taken_once_for_each_context_and_only_for_those_that_were_answered() {
    let mut desk = Desk::new(config());
    desk.append(&[says("first", 500)]);
    let context = desk.context();
    assert!(report(&mut desk, context.call, context.tokens).expect("a fresh report"));
    assert!(!report(&mut desk, context.call, TokenCount(9)).expect("the first report stands"));
    let used = |record: &&Record| matches!(record, Record::Used { .. });
    assert_eq!(desk.log.iter().filter(used).count(), 1);
    for call in [CallNumber::default(), context.call.next()] {
        let refused = report(&mut desk, call, context.tokens).expect_err("no such context");
        assert_eq!(refused.kind(), Kind::Invalid);
    }
    let model = "m".repeat(caps::MAX_MODEL_BYTES + 1).into();
    let body = Request::ReportUsage { call: context.call, model, usage: Usage::default() };
    assert_eq!(desk.ask(body).1.expect_err("too long a name").kind(), Kind::TooLarge);
}

#[test]
fn a_report_for_a_context_that_is_not_kept_any_more_changes_nothing() {
    let mut desk = Desk::new(config());
    desk.append(&[says("first", 500)]);
    let first = desk.context();
    // Also when all that came behind it were reported.
    for _ in 0..caps::REPORTABLE_CALLS {
        let context = desk.context();
        assert!(report(&mut desk, context.call, context.tokens).expect("it is the last one"));
    }
    assert!(!report(&mut desk, first.call, TokenCount(9)).expect("too late, and no error"));
}

#[test]
fn a_report_on_a_context_that_was_never_answered_is_no_legal_record() {
    let mut desk = Desk::new(config());
    desk.append(&[says("first", 500)]);
    let mut state = desk.session.state().clone();
    let record = Record::Used {
        at: desk.now,
        call: CallNumber(1),
        model: "m".into(),
        estimated: TokenCount(500),
        usage: Usage::default(),
    };
    assert_eq!(state.apply(&record).expect_err("no context yet").kind(), Kind::Corrupt);
}

#[test]
fn a_context_that_was_rewound_can_still_be_reported_and_teaches_nothing() {
    let mut desk = Desk::new(config());
    desk.append(&[says("first", 500)]);
    desk.append(&[says("second", 500)]);
    let context = desk.context();
    let (_, reply) = desk.ask(Request::Rewind { to: crate::Seq(1) });
    assert!(matches!(reply, Ok(Reply::Changed(true))));
    let counted = TokenCount(context.tokens.0 * 3 / 2);
    assert!(report(&mut desk, context.call, counted).expect("it was answered, and paid for"));
    assert!(!report(&mut desk, context.call, counted).expect("the first report stands"));
    let budget = config().budget;
    assert_eq!(desk.session.state().marks(budget), budget);
    assert_eq!(desk.recovered().state().marks(budget), budget);
}

#[test]
fn a_rewind_leaves_what_was_learnt() {
    let mut desk = Desk::new(config());
    desk.append(&[says("first", 500)]);
    desk.append(&[says("second", 500)]);
    let context = desk.context();
    let counted = TokenCount(context.tokens.0 * 3 / 2);
    report(&mut desk, context.call, counted).expect("a fresh report");
    let before = desk.session.state().marks(config().budget);
    let (_, reply) = desk.ask(Request::Rewind { to: crate::Seq(1) });
    assert!(matches!(reply, Ok(Reply::Changed(true))));
    assert_eq!(desk.session.state().marks(config().budget), before);
    assert_eq!(desk.recovered().state().marks(config().budget), before);
}
