//! The promises, held against logs, replies and notices. Each log is judged once, when it is sent to the journal for the
//! first time, so that every prefix of every log is: a crash may leave any of them.

use std::collections::{BTreeMap, BTreeSet};

use highwater_protocol::message::{CompactReply, ContextReply, Notice, Reply};
use highwater_protocol::session::State;
use highwater_protocol::{Abandoned, Error, Kind, Outcome, PassId, Record, Refused};

use crate::alphabet::{Answer, Ask};
use crate::naive::Reading;
use crate::world::{self, Asked, Breach, Seen, World};

/// The logs that were judged, and what each says.
#[derive(Default)]
pub(crate) struct Judge {
    outlines: BTreeMap<[u8; 32], String>,
    ends: BTreeSet<String>,
}

impl Judge {
    /// How many logs were judged.
    pub(crate) fn logs(&self) -> usize {
        self.outlines.len()
    }

    /// The ends that passes came to.
    pub(crate) fn into_ends(self) -> BTreeSet<String> {
        self.ends
    }

    /// Holds a state against all promises.
    pub(crate) fn hold(&mut self, world: &World) -> Result<(), Breach> {
        let sent = world.sent();
        let outline = self.judged(world, &sent)?;
        let state = world.session.state();
        if !world.is_held() && state.log_end().0 == sent.len() as u64 {
            let live = self::outline(state);
            if live != outline {
                return Err(format!("L4: the session is\n{live}\nits log says\n{outline}"));
            }
        }
        if world.is_quiet() { is_at_rest(world) } else { Ok(()) }
    }

    fn judged(&mut self, world: &World, log: &[Record]) -> Result<String, Breach> {
        let key = world::digest(log).0;
        if let Some(outline) = self.outlines.get(&key) {
            return Ok(outline.clone());
        }
        let state = world::state_of(log)?;
        Reading::of(log)?.is_shown_by(&state)?;
        if let Some((last, before)) = log.split_last() {
            // Nothing is judged twice: the log before this record is known unless it was sent with it.
            self.judged(world, before)?;
            follows(before, last, &state)?;
            match last {
                Record::Spliced { .. } => self.ends.insert(Outcome::Spliced.to_string()),
                Record::PassEnded { outcome, .. } => self.ends.insert(outcome.to_string()),
                _ => false,
            };
            if let Record::PassEnded { pass, outcome: Outcome::Refused(why), .. } = last {
                refused_rightly(world, before, *pass, *why)?;
            }
        }
        self.outlines.insert(key, outline(&state));
        Ok(outline(&state))
    }
}

/// All that two folds of the same log must agree on.
fn outline(state: &State) -> String {
    let view = state.view();
    let groups: Vec<String> = view
        .groups()
        .map(|group| {
            let members: Vec<_> = group.members().iter().map(|m| (m.seq, m.digest())).collect();
            let (closed, pinned, elided) =
                (group.is_closed(), group.is_pinned(), group.is_elided());
            format!("{members:?} {closed} {pinned} {elided} {}", group.tokens())
        })
        .collect();
    let summaries: Vec<_> = view.summaries().collect();
    let sizes = (view.tokens(), view.fixed_tokens(), view.summary_tokens());
    let ends = (view.head(), view.frozen(), state.tip(), state.log_end(), state.resets());
    let passes = (state.last_call(), state.last_pass(), state.unfinished_pass());
    let outcomes: Vec<_> = (1..=state.last_pass().0).map(|p| state.outcome(PassId(p))).collect();
    format!(
        "{:?} {sizes:?} {ends:?} {passes:?} {outcomes:?} {:?} {:?} {:?}\n{summaries:?}\n{groups:?}",
        view.digest(),
        state.opened(),
        state.facts(),
        view.open_calls(),
    )
}

fn pass_of(record: &Record) -> Option<PassId> {
    match record {
        Record::PassStarted { pass, .. }
        | Record::Spliced { pass, .. }
        | Record::PassEnded { pass, .. } => Some(*pass),
        _ => None,
    }
}

/// The pass that has started and not ended.
fn unfinished(log: &[Record]) -> Option<PassId> {
    let last = log.iter().rev().find(|record| pass_of(record).is_some())?;
    matches!(last, Record::PassStarted { .. }).then(|| pass_of(last)).flatten()
}

/// What was recorded since a pass started, and where it cuts.
fn since(log: &[Record], wanted: PassId) -> Option<(&[Record], u64)> {
    log.iter().enumerate().find_map(|(at, record)| match record {
        Record::PassStarted { pass, cut, .. } if *pass == wanted => Some((&log[at + 1..], cut.0)),
        _ => None,
    })
}

/// Whether something at or below the cut has changed since the pass started (V3).
fn is_touched(log: &[Record], pass: PassId) -> bool {
    let Some((since, cut)) = since(log, pass) else {
        return false;
    };
    since.iter().any(|record| match record {
        Record::Edited { place, .. } => place.0 <= cut,
        Record::Pinned { seq, .. } => seq.0 <= cut,
        Record::Resolved { call, .. } => call.seq.0 <= cut,
        Record::Rewound { to, .. } => to.0 < cut,
        Record::Cleared { .. } => true,
        _ => false,
    })
}

/// Whether what a pass covers is not what it was, or not whole, any more. A rewind to the cut or behind it may have undone
/// a pin or a resolution below the cut, or the answer that closed a call there.
fn has_changed(before: &[Record], pass: PassId) -> Result<bool, Breach> {
    let (since, cut) = since(before, pass).ok_or("it never started")?;
    let then = Reading::of(&before[..before.len() - since.len()])?;
    let now = Reading::of(before)?;
    Ok(is_touched(before, pass) || then.up_to(cut) != now.up_to(cut) || now.is_torn_at(cut))
}

/// V3 to V7 and V11: whether a record may follow a log.
fn follows(before: &[Record], last: &Record, after: &State) -> Result<(), Breach> {
    let open = unfinished(before);
    match last {
        Record::PassStarted { pass, .. } if open.is_some() => {
            Err(format!("V6: {pass} starts while {open:?} has not ended"))
        }
        Record::Spliced { pass, .. } | Record::PassEnded { pass, .. } if open != Some(*pass) => {
            Err(format!("V11: {pass} ends, in flight is {open:?}"))
        }
        Record::Spliced { pass, .. } => {
            if is_touched(before, *pass) {
                return Err(format!("V3: {pass} is spliced over what has changed"));
            }
            let (was, is) = (world::state_of(before)?.view().tokens(), after.view().tokens());
            if is >= was { Err(format!("V4: a splice makes {was} to {is}")) } else { Ok(()) }
        }
        Record::PassEnded { pass, outcome, .. } => {
            let was = world::state_of(before)?;
            let view = |state: &State| (state.view().digest(), state.view().tokens());
            if view(&was) != view(after) {
                return Err(format!("V4: {outcome:?} changes the view"));
            }
            match outcome {
                Outcome::Abandoned(Abandoned::Changed) if !has_changed(before, *pass)? => {
                    Err(format!("V3: {pass} is abandoned over nothing"))
                }
                _ => Ok(()),
            }
        }
        Record::Cleared { .. } if open.is_some() => Err(format!("V7: {open:?} outlives a clear")),
        Record::Rewound { to, .. } => {
            let below =
                open.and_then(|pass| since(before, pass)).is_some_and(|(_, cut)| to.0 < cut);
            if below {
                Err(format!("V7: {open:?} outlives a rewind below its cut"))
            } else {
                Ok(())
            }
        }
        _ => Ok(()),
    }
}

/// V3 and V12: what was refused was bad, or what it covers had changed.
fn refused_rightly(
    world: &World,
    before: &[Record],
    pass: PassId,
    why: Refused,
) -> Result<(), Breach> {
    let source = world.sources.iter().find(|source| source.pass == pass);
    let is_bad = source.is_some_and(|source| source.answer == Some(Answer::Bad));
    let is_legal = match why {
        Refused::Empty | Refused::OverCap => is_bad,
        // Whatever changes what a pass covers gives it up at once, so that nothing is left to be found stale.
        Refused::Stale | Refused::TornGroup => false,
        // What is told beside the summaries counts, and it may have grown meanwhile.
        Refused::NotSmaller => !world::state_of(before)?.facts().is_empty(),
    };
    if is_legal { Ok(()) } else { Err(format!("V3: {pass} is refused ({why:?}) over nothing")) }
}

/// Holds what a move brought about against L2 and L3.
pub(crate) fn is_told_truly(seen: &Seen, log: &[Record]) -> Result<(), Breach> {
    seen.replies.iter().try_for_each(|(asked, reply)| is_true(asked, reply, log))?;
    seen.notices.iter().try_for_each(|notice| is_stored(notice, log))
}

/// L2 and L3: whether a reply tells only what is stored.
fn is_true(asked: &Asked, reply: &Result<Reply, Error>, log: &[Record]) -> Result<(), Breach> {
    let has = |fits: &dyn Fn(&Record) -> bool| log.iter().any(fits);
    let holds_entry = |record: &Record| match record {
        Record::Appended { entry, .. } | Record::Edited { entry, .. } => {
            entry.id() == asked.entry.id()
        }
        _ => false,
    };
    let ended = |pass: PassId| {
        move |r: &Record| pass_of(r) == Some(pass) && !matches!(r, Record::PassStarted { .. })
    };
    let is_backed = match (asked.ask, reply) {
        (_, Err(error)) => match error.kind() {
            Kind::Retry => {
                asked.ask == Ask::Again || !asked.ask.makes_an_entry() || !has(&holds_entry)
            }
            Kind::Invalid
            | Kind::Conflict
            | Kind::NotFound
            | Kind::Closed
            | Kind::Unknown
            | Kind::Storage => true,
            _ => false,
        },
        (_, Ok(_)) if (log.len() as u64) < asked.seen.0 => false,
        (Ask::Say | Ask::Again | Ask::Call | Ask::Result, Ok(Reply::Appended(receipts))) => {
            receipts.len() == 1 && has(&holds_entry)
        }
        (Ask::Edit(_), Ok(Reply::Edited(_))) => has(&holds_entry),
        (Ask::Context, Ok(Reply::Context(ContextReply::Ready(context)))) => has(
            &|record| matches!(record, Record::Answered { call, digest, .. } if (call, digest) == (&context.call, &context.digest)),
        ),
        (Ask::Compact(_), Ok(Reply::Compact(reply))) => match reply {
            CompactReply::Started(started) | CompactReply::AlreadyRunning(started) => {
                has(&|record| matches!(record, Record::PassStarted { pass, .. } if pass == started))
            }
            CompactReply::NothingToDo => true,
        },
        (Ask::Settled, Ok(Reply::Settled(outcome))) => has(&|record| match record {
            Record::Spliced { pass, .. } => *pass == asked.pass && *outcome == Outcome::Spliced,
            Record::PassEnded { pass, outcome: known, .. } => {
                *pass == asked.pass && known == outcome
            }
            _ => false,
        }),
        (Ask::Cancel, Ok(Reply::Cancelled(pass))) => pass.is_none_or(|pass| has(&ended(pass))),
        (Ask::Rewind(to), Ok(Reply::Changed(true))) => {
            has(&|record| matches!(record, Record::Rewound { to: known, .. } if known.0 == to))
        }
        (Ask::Clear, Ok(Reply::Changed(true))) => has(&|r| matches!(r, Record::Cleared { .. })),
        (Ask::Pin(place, value), Ok(Reply::Changed(true))) => has(
            &|record| matches!(record, Record::Pinned { seq, pinned, .. } if (seq.0, *pinned) == (place, value)),
        ),
        (Ask::Resolve(place), Ok(Reply::Changed(true))) => {
            has(&|record| matches!(record, Record::Resolved { call, .. } if call.seq.0 == place))
        }
        (
            Ask::Rewind(_) | Ask::Clear | Ask::Pin(..) | Ask::Resolve(_),
            Ok(Reply::Changed(false)),
        )
        | (Ask::Close, Ok(Reply::Closed)) => true,
        _ => false,
    };
    if is_backed { Ok(()) } else { Err(format!("L2: {:?} is answered {reply:?}", asked.ask)) }
}

/// L2: whether a notice tells only what is stored.
fn is_stored(notice: &Notice, log: &[Record]) -> Result<(), Breach> {
    let is_backed = log.iter().any(|record| match (notice, record) {
        (Notice::PassStarted { pass, .. }, Record::PassStarted { pass: known, .. })
        | (Notice::Spliced { pass, .. }, Record::Spliced { pass: known, .. }) => pass == known,
        (
            Notice::PassEnded { pass, outcome },
            Record::PassEnded { pass: known, outcome: ended, .. },
        ) => (pass, outcome) == (known, ended),
        (Notice::Rewound { to }, Record::Rewound { to: known, .. }) => to == known,
        (Notice::Edited { seq, .. }, Record::Edited { seq: known, .. }) => seq == known,
        (Notice::Cleared, Record::Cleared { .. })
        | (Notice::Failed(_) | Notice::Overhead { .. }, _) => true,
        _ => false,
    });
    if is_backed { Ok(()) } else { Err(format!("L2: {notice:?} is told before it is stored")) }
}

/// Once nothing is under way outside of the session, nobody waits and no pass is left.
fn is_at_rest(world: &World) -> Result<(), Breach> {
    if let Some((_, asked)) = world.open.first_key_value() {
        return Err(format!("{:?} is never answered", asked.ask));
    }
    let state = world.session.state();
    if world.is_held() || state.unfinished_pass().is_some() {
        return Err("V6: a rewind or a pass is never done".to_owned());
    }
    if world.is_fresh {
        return Ok(());
    }
    let started = world.log.iter().filter(|r| matches!(r, Record::PassStarted { .. }));
    let started: Vec<_> = started.filter_map(pass_of).collect();
    let ended = world.log.iter().filter(|r| !matches!(r, Record::PassStarted { .. }));
    let ended: Vec<_> = ended.filter_map(pass_of).collect();
    let passes: BTreeSet<_> = ended.iter().collect();
    if started != ended || passes.len() != ended.len() {
        return Err(format!("V11: started {started:?}, ended {ended:?}"));
    }
    if state.log_end().0 != world.log.len() as u64 {
        return Err("L2: something is never written".to_owned());
    }
    Ok(())
}
