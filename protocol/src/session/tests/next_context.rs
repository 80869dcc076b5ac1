//! Entries and the wish for a context in one request.

use super::*;
use crate::Entry;
use crate::message::NextContext;
use crate::session::tests::desk::*;

fn wished(entries: Vec<Arc<Entry>>, open_calls: OpenCalls) -> Request {
    Request::NextContext { entries, open_calls }
}

fn tell(desk: &mut Desk, event: Event) -> Vec<Command> {
    desk.session.step(Timestamp(1), event)
}

fn request(number: u64, body: Request) -> Event {
    Event::Request { request: RequestId(number), body }
}

fn written(commands: &[Command]) -> Vec<&'static str> {
    let written = commands.iter().filter_map(|command| match command {
        Command::Write { records, .. } => Some(records.iter().map(Record::name)),
        _ => None,
    });
    written.flatten().collect()
}

/// The numbers of the receipts, and what the context shows.
fn answered(commands: &[Command]) -> Option<(Vec<u64>, String)> {
    commands.iter().find_map(|command| match command {
        Command::Reply {
            reply:
                Ok(Reply::NextContext(NextContext {
                    receipts,
                    context: Ok(ContextReply::Ready(context)),
                })),
            ..
        } => Some((receipts.iter().map(|receipt| receipt.seq.0).collect(), shown(context))),
        _ => None,
    })
}

#[test]
fn both_are_durable_in_one_commit_and_nothing_is_told_before() {
    let mut desk = Desk::new(config());
    let begun = wished(vec![says("a", 3), says("b", 3)], OpenCalls::Refuse);
    let commands = tell(&mut desk, request(1, begun));
    assert_eq!(written(&commands), ["opened", "appended", "appended", "answered"]);
    assert_eq!(commands.len(), 1, "{commands:?}");
    let commands = tell(&mut desk, Event::Durable { position: LogPos(4) });
    assert_eq!(answered(&commands), Some((vec![1, 2], "1 2".to_owned())));
}

#[test]
fn it_shows_what_the_two_requests_show() {
    let (mut one, mut two) = (Desk::new(config()), Desk::new(config()));
    for number in 0..30 {
        let entry = says(&format!("e{number}"), 60);
        two.append(std::slice::from_ref(&entry));
        let shown = two.context();
        let (_, reply) = one.ask(wished(vec![entry], OpenCalls::StandIn));
        let Ok(Reply::NextContext(next)) = reply else { panic!("{reply:?}") };
        let Ok(ContextReply::Ready(context)) = next.context else { panic!("{next:?}") };
        assert_eq!((context.body(), context.digest), (shown.body(), shown.digest), "P1");
    }
}

#[test]
fn entries_that_are_refused_leave_no_context_and_freeze_nothing() {
    let mut desk = Desk::new(config());
    desk.append(&[says("a", 3), calls("b", "c1")]);
    let before = desk.log.len();
    let (commands, reply) = desk.ask(wished(vec![says("a", 4)], OpenCalls::StandIn));
    assert_eq!(reply.expect_err("another text").kind(), Kind::Conflict);
    assert_eq!((written(&commands).len(), desk.log.len()), (0, before));
    // A stand-in would have made a text of the result.
    desk.append(&[answers("d", "c1")]);
    assert!(!shown(&desk.context()).contains('('), "the result stands by its call");
    assert_eq!(desk.session.state.view().groups().count(), 2);
}

#[test]
fn a_context_that_is_not_ready_leaves_the_entries_appended() {
    let mut desk = Desk::new(config());
    let (_, reply) = desk.ask(wished(vec![says("a", 3), calls("b", "c1")], OpenCalls::Refuse));
    let Ok(Reply::NextContext(next)) = reply else { panic!("{reply:?}") };
    let Ok(ContextReply::CallsOpen(open)) = next.context else { panic!("{next:?}") };
    assert_eq!((next.receipts.len(), open.len()), (2, 1));
    assert_eq!(desk.log.iter().filter(|record| record.name() == "appended").count(), 2);
    let (_, reply) = desk.ask(wished(vec![says("a", 3)], OpenCalls::StandIn));
    let Ok(Reply::NextContext(next)) = reply else { panic!("{reply:?}") };
    assert!(
        matches!(next.context, Ok(ContextReply::Ready(_))) && next.receipts[0].known,
        "L3: {next:?}"
    );
}

#[test]
fn ids_are_asked_for_first_and_texts_behind_the_append() {
    let mut desk = Desk::new(SessionConfig { automatic: false, resident_bytes: 0, ..config() });
    desk.append(&[says("a", 50), says("b", 50)]);
    tell(&mut desk, Event::Indexed { below: LogPos(3) });
    let wish = wished(vec![says("a", 50), says("c", 5)], OpenCalls::Refuse);
    let commands = tell(&mut desk, request(7, wish));
    assert!(matches!(&commands[..], [Command::Find { ids }] if *ids == [id("a")]), "{commands:?}");
    let known = Ok(desk.found(&[id("a")]));
    let commands = tell(&mut desk, Event::Found { known });
    assert_eq!(written(&commands), ["appended"]);
    assert!(commands.iter().any(|command| matches!(command, Command::Fetch { .. })));
    assert!(tell(&mut desk, request(8, Request::Status)).is_empty(), "held");
    let commands = tell(&mut desk, Event::Durable { position: LogPos(4) });
    assert!(commands.is_empty(), "{commands:?}");
    let texts = [(LogPos(1), says("a", 50)), (LogPos(2), says("b", 50))];
    let commands = tell(&mut desk, Event::Fetched { entries: Ok(texts.into()) });
    assert_eq!(written(&commands), ["answered"]);
    let commands = tell(&mut desk, Event::Durable { position: LogPos(5) });
    assert_eq!(answered(&commands), Some((vec![1, 3], "1 2 3".to_owned())));
}

/// A session that waits for the text of `a`, and `b` on its way to the store.
fn waits_for_a_text() -> (Desk, LogPos) {
    let mut desk = Desk::new(SessionConfig { automatic: false, resident_bytes: 0, ..config() });
    desk.append(&[says("a", 50)]);
    let end = LogPos(desk.log.len() as u64);
    let commands = tell(&mut desk, request(7, wished(vec![says("b", 5)], OpenCalls::Refuse)));
    assert_eq!(written(&commands), ["appended"]);
    (desk, end.advance(1))
}

#[test]
fn without_a_text_there_is_no_context_and_the_entries_are_acknowledged_once_they_are_durable() {
    let (mut desk, end) = waits_for_a_text();
    let unreadable = Err(crate::Error::new(Kind::Storage, "the disk is gone"));
    assert!(tell(&mut desk, Event::Fetched { entries: unreadable }).is_empty(), "L2");
    let commands = tell(&mut desk, Event::Durable { position: end });
    let [Command::Reply { request: RequestId(7), reply: Ok(Reply::NextContext(next)) }] =
        &commands[..]
    else {
        panic!("{commands:?}")
    };
    assert_eq!(next.receipts[0].seq, Seq(2));
    assert_eq!(next.context.as_ref().map(drop).map_err(crate::Error::kind), Err(Kind::Storage));
}

#[test]
fn entries_that_were_sent_before_a_text_came_may_be_stored() {
    for (failure, kind) in
        [(CommitFailure::Unknown, Kind::Unknown), (CommitFailure::NotStored, Kind::Retry)]
    {
        for has_come in [false, true] {
            let (mut desk, _) = waits_for_a_text();
            tell(&mut desk, request(8, Request::Context { open_calls: OpenCalls::Refuse }));
            if has_come {
                let entries = Ok(vec![(LogPos(1), says("a", 50))]);
                assert!(tell(&mut desk, Event::Fetched { entries }).is_empty());
            }
            let commands = tell(&mut desk, Event::CommitFailed { failure, why: "?".into() });
            let replies = commands.iter().filter_map(|command| match command {
                Command::Reply { request, reply } => {
                    Some((request.0, reply.as_ref().map(drop).map_err(crate::Error::kind)))
                }
                _ => None,
            });
            assert_eq!(replies.collect::<Vec<_>>(), [(7, Err(kind)), (8, Err(Kind::Retry))], "L6");
        }
    }
}

#[test]
fn entries_that_are_durable_are_acknowledged_though_the_context_is_not() {
    for has_come in [false, true] {
        let (mut desk, end) = waits_for_a_text();
        tell(&mut desk, Event::Durable { position: end });
        let failing = if has_come {
            let entries = Ok(vec![(LogPos(1), says("a", 50))]);
            tell(&mut desk, Event::Fetched { entries })
        } else {
            tell(&mut desk, Event::Durable { position: end })
        };
        assert_eq!(written(&failing).len(), usize::from(has_come), "the context is on its way");
        let failure = CommitFailure::NotStored;
        let commands = tell(&mut desk, Event::CommitFailed { failure, why: "busy".into() });
        let next = commands.iter().find_map(|command| match command {
            Command::Reply { reply: Ok(Reply::NextContext(next)), .. } => Some(next),
            _ => None,
        });
        let next = next.unwrap_or_else(|| panic!("L6: {commands:?}"));
        assert_eq!(next.receipts[0].seq, Seq(2));
        let context = next.context.as_ref().map(drop).map_err(crate::Error::kind);
        assert_eq!(context, Err(Kind::Retry));
    }
}

#[test]
fn a_failed_commit_acknowledges_neither() {
    let mut desk = Desk::new(config());
    tell(&mut desk, request(7, wished(vec![says("a", 3)], OpenCalls::Refuse)));
    let failed = Event::CommitFailed { failure: CommitFailure::Unknown, why: "?".into() };
    let commands = tell(&mut desk, failed);
    let refused = commands.iter().any(|command| {
        matches!(command, Command::Reply { reply: Err(error), .. } if error.kind() == Kind::Unknown)
    });
    assert!(refused && answered(&commands).is_none(), "{commands:?}");
}
