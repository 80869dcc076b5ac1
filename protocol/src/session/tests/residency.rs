//! What a session holds in memory (L5): it is counted, capped, and what has left comes back as it was.

use proptest::collection::vec;
use proptest::prelude::*;

use super::plays::Play;
use super::*;
use crate::session::tests::desk::*;

/// After each step: what is kept of sizes is what a count gives, nothing has left that is not durable, and over the cap
/// is only what may be.
pub(super) fn watch(session: &Session) {
    let (state, outbox) = (&session.state, &session.outbox);
    let counted = state.weight_counted() + outbox.weight_counted();
    assert_eq!(session.resident_bytes(), counted, "bytes in memory");
    let (view, durable) = (state.view(), outbox.durable_position());
    for member in view.groups().flat_map(crate::Group::members) {
        assert!(member.message().is_some() || member.at < durable, "entry {}", member.seq);
    }
    let may_exceed = session.held.is_some() || outbox.holds_context() || session.closing;
    if session.resident_bytes() > session.config.resident_bytes && !may_exceed {
        assert_eq!(view.evictable(durable), 0, "something else could leave");
    }
}

fn capped(resident_bytes: usize) -> SessionConfig {
    SessionConfig { automatic: false, resident_bytes, ..config() }
}

fn append(name: &str, words: usize) -> Request {
    Request::Append { entries: vec![says(name, words)] }
}

/// One event, and nothing of what the session asks for is done.
fn tell(desk: &mut Desk, event: Event) -> Vec<Command> {
    let commands = desk.session.step(Timestamp(1), event);
    watch(&desk.session);
    commands
}

fn request(number: u64, body: Request) -> Event {
    Event::Request { request: RequestId(number), body }
}

fn fetched(commands: &[Command]) -> Vec<LogPos> {
    let fetches = commands.iter().filter_map(|command| match command {
        Command::Fetch { positions } => Some(positions.clone()),
        _ => None,
    });
    fetches.flatten().collect()
}

fn replied(commands: &[Command]) -> Vec<(u64, Option<Kind>)> {
    let replies = commands.iter().filter_map(|command| match command {
        Command::Reply { request, reply } => {
            Some((request.0, reply.as_ref().err().map(crate::Error::kind)))
        }
        _ => None,
    });
    replies.collect()
}

const CONTEXT: Request = Request::Context { open_calls: OpenCalls::StandIn };

#[test]
fn what_is_not_durable_stays_in_memory_whatever_the_cap() {
    let mut desk = Desk::new(capped(0));
    desk.append(&[says("a", 50), says("b", 50)]);
    assert!(desk.session.state.view().in_memory().is_empty(), "all is durable");
    let end = LogPos(desk.log.len() as u64);
    tell(&mut desk, request(7, append("c", 50)));
    assert_eq!(desk.session.state.view().in_memory(), [end]);
    tell(&mut desk, request(8, append("d", 50)));
    assert_eq!(desk.session.state.view().in_memory(), [end, end.advance(1)]);
    tell(&mut desk, Event::Durable { position: end.advance(1) });
    assert_eq!(desk.session.state.view().in_memory(), [end.advance(1)]);
}

#[test]
fn the_oldest_leave_first_and_as_many_as_it_takes() {
    let mut desk = Desk::new(capped(usize::MAX));
    for number in 0..20 {
        desk.append(&[says(&format!("e{number}"), 2_000)]);
    }
    let all = desk.session.resident_bytes();
    tell(&mut desk, Event::Relieve { to_bytes: all * 3 / 4 });
    let left = desk.session.state.view().in_memory();
    assert!(left.len() < 17 && left.len() > 12, "{left:?}");
    assert_eq!(left.last(), Some(&LogPos(20)), "the newest stays");
    assert!(desk.session.resident_bytes() <= all * 3 / 4);
    tell(&mut desk, Event::Relieve { to_bytes: 0 });
    assert!(desk.session.state.view().in_memory().is_empty());
    let left = desk.session.resident_bytes();
    assert!(left < all / 4, "outlines are light: {left} of {all}");
}

#[test]
fn a_context_over_texts_that_have_left_waits_for_them_and_others_wait_behind_it() {
    let mut desk = Desk::new(capped(0));
    let mut whole = Desk::new(capped(usize::MAX));
    for desk in [&mut desk, &mut whole] {
        desk.append(&[says("a", 50), says("b", 50)]);
    }
    let end = LogPos(desk.log.len() as u64);
    tell(&mut desk, request(1, append("c", 5)));
    let asked = tell(&mut desk, request(2, CONTEXT));
    assert_eq!(fetched(&asked), [LogPos(1), LogPos(2)], "c is not durable and in memory");
    for (number, name) in [(3, "d"), (4, "e")] {
        assert!(tell(&mut desk, request(number, append(name, 5))).is_empty(), "held");
    }
    let durable = tell(&mut desk, Event::Durable { position: end.advance(1) });
    assert_eq!(replied(&durable), [(1, None)], "commits go on");
    let entries = [says("a", 50), says("b", 50)];
    let entries = [LogPos(1), LogPos(2)].into_iter().zip(entries).collect();
    let commands = tell(&mut desk, Event::Fetched { entries: Ok(entries) });
    let Command::Write { records, .. } = &commands[0] else { panic!("{commands:?}") };
    let names: Vec<&str> = records.iter().map(Record::name).collect();
    assert_eq!(names, ["answered", "appended", "appended"], "in the order in which they came");
    let commands = tell(&mut desk, Event::Durable { position: end.advance(4) });
    assert_eq!(replied(&commands), [(2, None), (3, None), (4, None)]);
    whole.append(&[says("c", 5)]);
    let context = commands.into_iter().find_map(|command| match command {
        Command::Reply { reply: Ok(Reply::Context(ContextReply::Ready(it))), .. } => Some(it),
        _ => None,
    });
    assert_eq!(context.expect("it is answered").body(), whole.context().body(), "P1, P2");
}

#[test]
fn a_text_that_cannot_be_read_or_is_another_is_an_error_of_that_request_alone() {
    let unreadable = crate::Error::new(Kind::Storage, "the disk is gone");
    for (entries, kind) in [
        (Err(unreadable), Kind::Storage),
        (Ok(vec![(LogPos(1), says("a", 51))]), Kind::Corrupt),
        (Ok(Vec::new()), Kind::Corrupt),
    ] {
        let mut desk = Desk::new(capped(0));
        desk.append(&[says("a", 50)]);
        tell(&mut desk, request(7, CONTEXT));
        tell(&mut desk, request(8, Request::Status));
        let commands = tell(&mut desk, Event::Fetched { entries });
        assert_eq!(replied(&commands), [(7, Some(kind)), (8, None)]);
        assert_eq!(fetched(&tell(&mut desk, request(9, CONTEXT))), [LogPos(1)], "it may try again");
    }
}

#[test]
fn a_pass_waits_for_the_texts_that_it_covers_by_wish_and_by_itself() {
    let mut desk = Desk::new(SessionConfig { automatic: true, ..capped(0) });
    desk.append(&[says("a", 700), says("b", 700)]);
    desk.context();
    let commands = desk.ask(Request::Compact { up_to: Some(Seq(1)), focus: None }).0;
    assert_eq!(fetched(&commands), [LogPos(1)]);
    let pass = started(&commands).expect("it has its texts");
    desk.step(Event::PassFailed { pass, why: "no".into() });
    let commands = desk.append(&[says("c", 900), says("d", 1_400)]);
    let away = fetched(&commands);
    assert!(!away.is_empty() && started(&commands).is_some(), "{away:?}");
    assert!(desk.session.state.view().in_memory().is_empty(), "the job holds its own");
}

#[test]
fn without_its_texts_a_pass_that_is_due_is_put_off_and_nobody_is_told() {
    let mut desk = Desk::new(SessionConfig { automatic: true, ..capped(0) });
    desk.append(&[says("a", 700), says("b", 700)]);
    desk.context();
    let end = LogPos(desk.log.len() as u64);
    tell(&mut desk, request(7, append("c", 1_400)));
    let commands = tell(&mut desk, Event::Durable { position: end.advance(1) });
    let asked = if fetched(&commands).is_empty() { Vec::new() } else { commands };
    let entries = Err(crate::Error::new(Kind::Storage, "the disk is gone"));
    let commands = tell(&mut desk, Event::Fetched { entries });
    assert!(started(&commands).is_none() && started(&asked).is_none());
    assert!(fetched(&commands).is_empty(), "not before the view has grown");
    assert_eq!(replied(&tell(&mut desk, request(8, Request::Status))), [(8, None)]);
}

/// The fold as it goes on from an anchor at its end, where the store knows the ids before a position.
fn from_anchor(desk: &Desk, indexed: LogPos) -> State {
    let anchor = desk.session.state.anchor().expect("it is not behind");
    let record = |at: &LogPos| (*at, desk.log[usize::try_from(at.0).expect("small")].clone());
    let records: Vec<_> = anchor.positions().iter().map(record).collect();
    let state = anchor.restore(&records, desk.session.state.rewinds()).expect("it holds");
    let mut replay = Replay::resuming(state, indexed);
    for (at, record) in desk.log.iter().enumerate().skip(2) {
        replay.apply(LogPos(at as u64), record).expect("it stands behind the ids of the store");
    }
    replay.into_state()
}

#[test]
fn ids_that_the_store_finds_are_not_kept_and_are_asked_for() {
    let mut desk = Desk::new(capped(usize::MAX));
    desk.append(&[says("a", 3), says("b", 3)]);
    let before = desk.session.resident_bytes();
    tell(&mut desk, Event::Indexed { below: LogPos(2) });
    assert!(desk.session.resident_bytes() < before, "one id is gone");
    let commands = tell(&mut desk, request(7, append("a", 3)));
    assert!(matches!(&commands[..], [Command::Find { ids }] if *ids == [id("a")]), "{commands:?}");
    assert!(tell(&mut desk, request(8, append("a", 4))).is_empty(), "held");
    let known = desk.found(&[id("a")]);
    let commands = tell(&mut desk, Event::Found { known: Ok(known.clone()) });
    assert_eq!(replied(&commands), [(7, None)], "a is known: nothing to write");
    assert!(matches!(&commands[..], [Command::Find { .. }, ..]), "what was held asks in its turn");
    let commands = tell(&mut desk, Event::Found { known: Ok(known) });
    assert_eq!(replied(&commands), [(8, Some(Kind::Conflict))]);
    let (_, reply) = desk.ask(append("seen to be new", 3));
    assert!(matches!(reply, Ok(Reply::Appended(_))), "nobody is asked for it: {reply:?}");
    // A fold that went on from an anchor has not seen what stands before.
    desk.session.state = from_anchor(&desk, LogPos(2));
    tell(&mut desk, request(9, append("new", 3)));
    let failed = Err(crate::Error::new(Kind::Storage, "the disk is gone"));
    let commands = tell(&mut desk, Event::Found { known: failed });
    assert_eq!(replied(&commands), [(9, Some(Kind::Storage))]);
    assert_eq!(replied(&tell(&mut desk, request(10, append("b", 3)))), [(10, None)], "b is kept");
    let end = desk.session.state.log_end();
    let (_, reply) = desk.ask(append("new", 3));
    assert!(matches!(reply, Ok(Reply::Appended(_))), "{reply:?}");
    assert_eq!(desk.session.state.log_end(), end.advance(1), "nobody knew it");
}

#[test]
fn a_fold_that_is_made_anew_keeps_no_more_ids_and_texts_than_the_one_before() {
    let mut desk = Desk::new(capped(usize::MAX));
    desk.append(&[says("a", 300), says("b", 300), says("c", 300)]);
    tell(&mut desk, Event::Indexed { below: LogPos(3) });
    desk.session.config.resident_bytes = 0;
    tell(&mut desk, request(7, Request::Rewind { to: Seq(2) }));
    desk.log.push(Record::Rewound { at: Timestamp(1), to: Seq(2) });
    let commands = tell(&mut desk, Event::Durable { position: LogPos(5) });
    let [Command::Refold { rewinds, .. }, ..] = &commands[..] else { panic!("{commands:?}") };
    let state = desk.folded(Replay::knowing(rewinds.clone()));
    let (ids, texts) = (state.weight(), state.view().in_memory());
    assert_eq!(texts, [LogPos(1), LogPos(2)]);
    tell(&mut desk, Event::Refolded { state: Ok(Box::new(state)) });
    assert!(desk.session.state.view().in_memory().is_empty() && desk.session.state.weight() < ids);
    let commands = tell(&mut desk, request(8, append("a", 300)));
    assert!(matches!(&commands[..], [Command::Find { .. }]), "{commands:?}");
    let replay = || Replay::knowing(rewinds.clone());
    let small = desk.folded(replay().within(0));
    assert!(small.view().in_memory().is_empty());
    let indexed = desk.folded(replay().indexed(LogPos(3)));
    assert!(indexed.find(&id("a")).is_none() && indexed.find(&id("c")).is_some());
}

#[test]
fn what_is_asked_for_while_a_context_waits_is_given_up_once_it_is_durable() {
    let mut desk = Desk::new(capped(usize::MAX));
    desk.append(&[says("a", 300), says("b", 300)]);
    tell(&mut desk, request(7, CONTEXT));
    let end = desk.session.state.log_end();
    tell(&mut desk, Event::Relieve { to_bytes: 0 });
    assert_eq!(desk.session.state.view().in_memory().len(), 2, "the context holds them");
    tell(&mut desk, Event::Durable { position: end });
    assert!(desk.session.state.view().in_memory().is_empty());
    tell(&mut desk, request(8, append("c", 300)));
    tell(&mut desk, Event::Durable { position: end.advance(1) });
    assert_eq!(desk.session.state.view().in_memory().len(), 1, "it was asked once");
}

#[test]
fn an_actor_that_ends_answers_what_waits_for_the_store() {
    let mut desk = Desk::new(capped(0));
    desk.append(&[says("a", 50)]);
    tell(&mut desk, request(6, append("b", 5)));
    tell(&mut desk, request(7, CONTEXT));
    tell(&mut desk, request(8, append("c", 5)));
    let failed = Event::CommitFailed { failure: CommitFailure::Unknown, why: "disk".into() };
    let kinds = replied(&desk.session.step(Timestamp(1), failed));
    let (unknown, retry) = (Some(Kind::Unknown), Some(Kind::Retry));
    assert_eq!(kinds, [(6, unknown), (7, retry), (8, retry)]);
}

/// The same play by a session that holds everything and by one that holds next to nothing.
fn check(choices: &[u16], resident_bytes: usize) {
    let said = [usize::MAX, resident_bytes].map(|resident_bytes| {
        let is_small = resident_bytes < usize::MAX;
        let mut play = Play::new(SessionConfig { resident_bytes, ..low_marks() });
        (play.desk.told, play.desk.watched) = (Some(Vec::new()), true);
        play.step(0);
        for choice in choices {
            play.step(*choice);
            if choice % 5 == 0 {
                play.desk.context_or_refusal();
            }
            if is_small && choice % 3 == 0 {
                let below = LogPos(play.desk.log.len() as u64);
                play.desk.step(Event::Indexed { below });
            }
            if is_small && choice % 7 == 0 {
                let to_bytes = play.desk.session.resident_bytes() / 2;
                play.desk.step(Event::Relieve { to_bytes });
            }
        }
        play.desk.context_or_refusal();
        let told = play.desk.told.take().expect("it was kept").into_iter();
        let own = ["Find", "Fetch", "Discard"];
        let told: Vec<String> =
            told.filter(|it| !own.iter().any(|name| it.starts_with(name))).collect();
        let logged = format!("{:#?}", play.desk.log);
        let anchor = play.desk.session.state.anchor().expect("it is not behind");
        (told, logged, anchor.view)
    });
    for (whole, small) in said[0].0.iter().zip(&said[1].0) {
        assert_eq!(without_clock(whole), without_clock(small), "P1, P2");
    }
    assert_eq!(said[0].0.len(), said[1].0.len());
    assert_eq!(without_clock(&said[0].1), without_clock(&said[1].1), "the same log");
    assert_eq!(said[0].2, said[1].2, "an anchor names positions, wherever the texts are");
}

/// The small session is told more, and the desk counts that as time.
fn without_clock(told: &str) -> String {
    let lines = told.lines().map(str::trim).collect::<Vec<_>>();
    let is_time = |at: usize| at > 0 && lines[at - 1].starts_with("at: Timestamp");
    let kept = lines.iter().enumerate().filter(|(at, _)| !is_time(*at)).map(|(_, line)| *line);
    kept.collect::<Vec<_>>().join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_has_left_memory_a_session_says_the_same(
        choices in vec(any::<u16>(), 1..50),
        resident_bytes in prop_oneof![Just(0_usize), 0..40_000_usize],
    ) {
        check(&choices, resident_bytes);
    }
}
