//! Tests of how a host says that calls stand, and of what is told of those under way.

use super::*;
use crate::resolution::CallEnd;
use crate::session::tests::changes::*;
use crate::session::tests::desk::*;

#[test]
fn a_resolved_call_is_not_open_and_its_late_result_is_quoted() {
    for (end, said) in [
        (CallEnd::Result, "all is well"),
        (CallEnd::Failed, "the call failed: all is well"),
        (CallEnd::Abandoned, "the call was abandoned: all is well"),
        (CallEnd::RunningChild, "a child is still working on this call: all is well"),
        (CallEnd::AwaitingApproval, "the call is waiting for approval: all is well"),
    ] {
        let mut desk = quiet();
        desk.append(&[says("q", 3), calls("c", "t1")]);
        assert!(desk.changed(resolve(2, "t1", end, "all is well")));
        assert!(!desk.changed(resolve(2, "t1", end, "all is well")), "it stands so already");
        let (_, reply) = desk.ask(Request::Context { open_calls: OpenCalls::Refuse });
        let Ok(Reply::Context(ContextReply::Ready(context))) = reply else { panic!("{reply:?}") };
        assert!(context.body().contains(said), "{}", context.body());
        desk.append(&[answers("r", "t1")]);
        let blocks = desk.context();
        let quoted = blocks.blocks().last().expect("it is shown").json.clone();
        assert!(quoted.contains("result of an earlier tool call"), "{quoted}");
        assert!(desk.session.state().facts().is_empty(), "its result has come");
    }
}

#[test]
fn resolving_what_is_not_there_or_is_settled_is_refused() {
    let mut desk = quiet();
    desk.append(&[says("q", 3), calls("c", "t1"), answers("r", "t1"), calls("d", "t2")]);
    let result = |seq, id| resolve(seq, id, CallEnd::Result, "x");
    assert_eq!(desk.refused(result(2, "t1")), Kind::Invalid, "it has its result");
    assert_eq!(desk.refused(result(4, "t9")), Kind::NotFound);
    assert_eq!(desk.refused(result(9, "t2")), Kind::NotFound);
    desk.context();
    assert_eq!(desk.refused(result(4, "t2")), Kind::Invalid, "a stand-in was shown");
    assert!(desk.changed(resolve(4, "t2", CallEnd::RunningChild, "child 7")));
}

#[test]
fn what_is_under_way_is_told_beside_the_summary_until_it_ends() {
    let mut desk = quiet();
    desk.append(&[says("q", 90), calls("a", "t1"), calls("b", "t2"), calls("d", "t3")]);
    desk.changed(resolve(2, "t1", CallEnd::RunningChild, "child 7"));
    desk.changed(resolve(3, "t2", CallEnd::AwaitingApproval, "delete it?"));
    desk.changed(Request::Track { task: "ship".into(), text: Some("by Friday".into()) });
    assert!(!desk.changed(Request::Track { task: "ship".into(), text: Some("by Friday".into()) }));
    desk.context();
    desk.chat(5, 9);
    desk.splice(8);
    assert_eq!(desk.shown(), "<1-8> {..} 9");
    let told = desk.context().segments[1].blocks[0].json.to_string();
    for fact in [
        "running child: ls (call \\\"t1\\\" of entry #2): child 7",
        "awaiting approval: ls",
        "call without a result: ls (call \\\"t3\\\"",
        "open task: ship: by Friday",
    ] {
        assert!(told.contains(fact), "{fact} in {told}");
    }
    desk.append(&[answers("late", "t1")]);
    desk.changed(resolve(3, "t2", CallEnd::Abandoned, ""));
    desk.changed(Request::Track { task: "ship".into(), text: None });
    desk.chat(11, 14);
    desk.splice(13);
    let told = desk.context().segments[1].blocks[0].json.to_string();
    assert!(told.contains("t3") && !told.contains("t1") && !told.contains("t2"), "{told}");
    assert!(!told.contains("ship"), "{told}");
}

#[test]
fn calls_of_one_id_in_one_message_are_resolved_one_by_one() {
    let twice = r#"{"role":"assistant","content":[{"type":"tool_use","id":"x","name":"ls","input":{}},{"type":"tool_use","id":"x","name":"ls","input":{"b":2}}]}"#;
    let mut desk = quiet();
    desk.append(&[says("q", 3), json("twice", twice)]);
    assert!(desk.changed(resolve(2, "x", CallEnd::Failed, "one")));
    assert!(!desk.changed(resolve(2, "x", CallEnd::Failed, "one")), "it stands so already");
    assert_eq!(desk.session.state().view().open_calls().len(), 1);
    desk.append(&[answers("r", "x")]);
    assert!(desk.session.state().view().open_calls().is_empty(), "the other has its result");
    let body = desk.context().body();
    assert!(body.contains("the call failed: one") && body.contains("out x"), "{body}");
}

#[test]
fn how_a_call_stands_may_change_until_it_is_shown_and_is_known_by_its_words() {
    let mut desk = quiet();
    desk.append(&[says("q", 3), calls("c", "t1")]);
    assert!(desk.changed(resolve(2, "t1", CallEnd::AwaitingApproval, "delete it?")));
    assert!(desk.changed(resolve(2, "t1", CallEnd::Result, "deleted")), "nothing was shown yet");
    assert!(desk.session.state().facts().is_empty());
    assert!(desk.context().body().contains(r#""content":"deleted""#));
    desk.append(&[calls("d", "t2")]);
    desk.context();
    assert!(desk.changed(resolve(3, "t2", CallEnd::RunningChild, "child 7")));
    assert!(!desk.changed(resolve(3, "t2", CallEnd::RunningChild, "child 7")));
    assert!(desk.changed(resolve(3, "t2", CallEnd::RunningChild, "child 8")), "another child");
    assert_eq!(&*desk.session.state().facts()[0].text, "child 8");
    assert!(desk.changed(resolve(3, "t2", CallEnd::Abandoned, "")));
    assert!(!desk.changed(resolve(3, "t2", CallEnd::Abandoned, "")), "a retry");
}

#[test]
fn a_call_that_a_rewind_opens_again_below_a_summary_is_still_under_way() {
    let mut desk = quiet();
    desk.append(&[says("q", 90), calls("c", "t1")]);
    desk.chat(3, 9);
    desk.context();
    desk.splice(6);
    desk.changed(Request::Rewind { to: Seq(7) });
    assert_eq!(desk.shown(), "<1-6> {..} 7");
    assert_eq!(desk.session.state().facts().len(), 1);
    assert!(desk.changed(resolve(2, "t1", CallEnd::Abandoned, "")));
}

#[test]
fn what_is_said_anew_of_a_covered_call_abandons_the_pass() {
    for shown_first in [true, false] {
        let mut desk = quiet();
        desk.append(&[says("q", 3), calls("c", "t1")]);
        desk.changed(resolve(2, "t1", CallEnd::AwaitingApproval, "one"));
        desk.chat(3, 9);
        if shown_first {
            desk.context();
        }
        desk.compact(6);
        let (commands, _) = desk.ask(resolve(2, "t1", CallEnd::AwaitingApproval, "two"));
        let expected = Some(Outcome::Abandoned(Abandoned::Changed));
        assert_eq!(outcome(&commands), expected, "shown first: {shown_first}");
    }
}
