//! What a context takes behind an append of a short entry: deciding and rendering, and all of it in a house.

use std::path::Path;

use highwater_protocol::message::{ContextReply, OpenCalls, Reply, Request};
use highwater_tests::grown;

use crate::callgrind::{TIMES, counted_from_here};
use crate::ground::{Desk, Running};

/// Numbers of entries that no session has yet.
const NEW: u64 = 1_000_000;

fn asked() -> Request {
    Request::Context { open_calls: OpenCalls::StandIn }
}

/// The session decides: marks, what is frozen, what is rendered anew, and the reply once it is durable.
pub(crate) fn decided(dir: &Path) {
    let mut desk = Desk::over(dir);
    desk.ask(asked());
    for number in 0..TIMES {
        desk.ask(Request::Append { entries: vec![grown::entry(NEW + number)] });
        let mut reply = None;
        counted_from_here(&mut || reply = Some(desk.ask(asked())));
        let is_ready = matches!(&reply, Some(Reply::Context(ContextReply::Ready(_))));
        assert!(is_ready, "{reply:?}");
    }
}

/// The whole way: message, decision, journal, commit, reply.
pub(crate) fn in_a_house(dir: &Path) {
    let running = Running::over(dir);
    for number in 0..TIMES {
        let entries = vec![grown::entry(NEW + number)];
        running.wait(running.session.append(entries)).expect("it is stored");
        let mut reply = None;
        counted_from_here(&mut || {
            reply = Some(running.wait(running.session.context(OpenCalls::StandIn)));
        });
        let is_ready = matches!(&reply, Some(Ok(ContextReply::Ready(_))));
        assert!(is_ready, "{reply:?}");
    }
    running.close();
}
