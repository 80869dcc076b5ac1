//! Tests of checkpoints: a marker of what stands, which changes nothing and must be true.

use super::*;
use crate::Checkpoint;
use crate::ids::Digest;
use crate::session::tests::changes::*;
use crate::session::tests::desk::*;

impl Desk {
    fn checkpoint(&mut self) -> Checkpoint {
        match self.ask(Request::Checkpoint).1 {
            Ok(Reply::Checkpoint(checkpoint)) => checkpoint,
            other => panic!("no checkpoint: {other:?}"),
        }
    }
}

#[test]
fn a_checkpoint_marks_what_stands_and_changes_nothing() {
    let mut desk = quiet();
    desk.chat(1, 9);
    desk.splice(6);
    let before = desk.context();
    let checkpoint = desk.checkpoint();
    assert_eq!((checkpoint.seq, checkpoint.digest), (Seq(9), before.digest));
    assert_eq!(checkpoint.end(), LogPos(desk.log.len() as u64), "it is durable");
    assert_eq!(
        Checkpoint::of(checkpoint.position, &desk.log[desk.log.len() - 1]),
        Some(checkpoint)
    );
    let after = desk.context();
    assert_eq!((after.body(), after.resets), (before.body(), before.resets));
    assert_eq!(desk.checkpoint().position, LogPos(checkpoint.position.0 + 2), "each has its own");
    assert_eq!(desk.recovered().state().view().digest(), after.digest);
}

#[test]
fn a_pass_does_not_notice_a_checkpoint() {
    let mut desk = quiet();
    desk.chat(1, 9);
    let pass = desk.compact(6);
    desk.checkpoint();
    let commands = desk.step(Event::PassDone { pass, summaries: vec![summary(3)] });
    assert_eq!(outcome(&commands), Some(Outcome::Spliced));
}

#[test]
fn a_rewind_goes_back_behind_a_checkpoint() {
    let mut desk = quiet();
    desk.chat(1, 9);
    desk.checkpoint();
    assert!(desk.changed(Request::Rewind { to: Seq(4) }));
    let checkpoint = desk.checkpoint();
    assert_eq!(desk.recovered().state().view().digest(), checkpoint.digest);
}

#[test]
fn a_marker_that_is_not_true_is_refused_by_the_fold() {
    let mut desk = quiet();
    desk.chat(1, 3);
    let Checkpoint { seq, digest, .. } = desk.checkpoint();
    let at = Timestamp(9);
    let state = desk.session.state();
    for (seq, digest) in [(seq, Digest::ZERO), (seq.next(), digest), (seq.prev(), digest)] {
        let refused = state.clone().apply(&Record::Checkpointed { at, seq, digest });
        assert_eq!(refused.map_err(|error| error.kind()), Err(Kind::Corrupt));
    }
    state.clone().apply(&Record::Checkpointed { at, seq, digest }).expect("the same once more");
}
