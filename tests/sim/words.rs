//! Moves, answers and notices in few words, for the trace.

use highwater::history::HistoryPage;
use highwater_protocol::message::{
    CompactReply, ContextReply, NextContext, Notice, OpenCalls, Receipt, Reply, Request,
};
use highwater_protocol::{Error, Format};

use crate::agent::Move;

pub(crate) fn of_move(next: &Move) -> String {
    let request = match next {
        Move::Ask(request) => request,
        Move::Read(range, limit) => return format!("read {range} by {limit}"),
        Move::Call(call) => return format!("call {}", call.0),
    };
    match request {
        Request::Append { .. } | Request::NextContext { .. } => {
            let ids = request.appends().iter().map(|entry| entry.id().as_str());
            format!("{} {}", request.name(), ids.collect::<Vec<_>>().join(" "))
        }
        Request::Context { open_calls: OpenCalls::StandIn } => "context".to_owned(),
        Request::Context { open_calls: OpenCalls::Refuse } => "context or calls".to_owned(),
        Request::Compact { up_to, .. } => match up_to {
            Some(seq) => format!("compact up to {seq}"),
            None => "compact".to_owned(),
        },
        Request::Settled { pass } => format!("settled {pass}"),
        Request::Rewind { to } => format!("rewind to {to}"),
        Request::Edit { place, entry } => format!("edit {place} as {}", entry.id()),
        Request::Switch { budget, format } => {
            format!("switch to {} {}", short(*format), budget.hard().0)
        }
        Request::Pin { seq, pinned: true } => format!("pin {seq}"),
        Request::Pin { seq, .. } => format!("unpin {seq}"),
        Request::Resolve { call, resolution } => {
            format!("resolve {} of {} {:?}", call.id, call.seq, resolution.end())
        }
        Request::Track { task, text } => {
            format!("track {task}{}", if text.is_some() { "" } else { " no more" })
        }
        Request::ReportUsage { call, usage, .. } => {
            format!("report {} tokens of context {}", usage.input.0, call.0)
        }
        Request::Cancel
        | Request::Clear
        | Request::Checkpoint
        | Request::Status
        | Request::Close => request.name().to_owned(),
    }
}

fn short(format: Format) -> &'static str {
    format.name()
}

fn numbers(receipts: &[Receipt]) -> String {
    let seqs = receipts.iter().map(|receipt| receipt.seq.to_string());
    seqs.collect::<Vec<_>>().join(" ")
}

fn of_context(reply: &ContextReply) -> String {
    match reply {
        ContextReply::Ready(context) => {
            format!("context {}, {}, {} resets", context.call.0, context.tokens, context.resets)
        }
        ContextReply::CallsOpen(calls) => format!("{} calls open", calls.len()),
        ContextReply::TooLarge(_) => "too large".to_owned(),
    }
}

pub(crate) fn of_reply(reply: &Result<Reply, Error>) -> String {
    let reply = match reply {
        Ok(reply) => reply,
        Err(error) => return format!("{} ({error})", error.kind().name()),
    };
    match reply {
        Reply::Appended(receipts) => numbers(receipts),
        Reply::Context(context) => of_context(context),
        Reply::NextContext(NextContext { receipts, context: Ok(context) }) => {
            format!("{}, {}", numbers(receipts), of_context(context))
        }
        Reply::NextContext(NextContext { receipts, context: Err(error) }) => {
            format!("{}, {} ({error})", numbers(receipts), error.kind().name())
        }
        Reply::Compact(CompactReply::Started(pass)) => format!("{pass} started"),
        Reply::Compact(CompactReply::AlreadyRunning(pass)) => format!("{pass} is running"),
        Reply::Compact(CompactReply::NothingToDo) => "nothing to do".to_owned(),
        Reply::Settled(outcome) => outcome.to_string(),
        Reply::Cancelled(pass) => pass.map_or("no pass".to_owned(), |pass| pass.to_string()),
        Reply::Edited(receipt) => receipt.seq.to_string(),
        Reply::Changed(changed) => if *changed { "done" } else { "stood so" }.to_owned(),
        Reply::Checkpoint(checkpoint) => format!("marked at {}", checkpoint.position),
        Reply::Status(status) => {
            let (head, tip, open) = (status.head, status.tip, status.open_calls.len());
            format!(
                "head {head}, tip {tip}, {}, {open} open, {} resets",
                status.view, status.resets
            )
        }
        Reply::Closed => "closed".to_owned(),
    }
}

pub(crate) fn of_page(page: &Result<HistoryPage, Error>) -> String {
    match page {
        Ok(page) => format!("{} entries", page.entries.len()),
        Err(error) => format!("{} ({error})", error.kind().name()),
    }
}

/// What a notice adds to what the answers say.
pub(crate) fn of_notice(notice: &Notice) -> Option<String> {
    Some(match notice {
        Notice::PassStarted { pass, covers, .. } => format!("{pass} starts over {covers}"),
        Notice::Spliced { pass, before, after, .. } => {
            format!("{pass} spliced, {} to {}", before.0, after.0)
        }
        Notice::PassEnded { pass, outcome } => format!("{pass} {outcome}"),
        Notice::Elided { results, groups, before, after } => {
            format!("elided {results} results {groups} groups, {} to {}", before.0, after.0)
        }
        Notice::Failed(error) => format!("failed ({})", error.kind().name()),
        _ => return None,
    })
}
