//! One call from its request to the end of its answer.

use std::io;
use std::sync::Arc;

use highwater_protocol::limit::Amounts;

use super::admission::Admission;
use super::asked::{Arrival, Asked, Protocol};
use super::headers::Header;
use super::http::{Connection, Incoming, Request};
use super::plan::Plan;
use super::refusal::Words;
use super::refuse::{refused_with, send_refusal, send_words};
use super::reply::{Finish, Reply, Said, Usage};
use super::script::{Fault, Refusal, WrongUsage};
use super::tally::{Call, Outcome, Reason};
use super::write::{Head, Next, send_body, send_plan};
use super::{Rules, Shared};
use crate::dice::Dice;

/// Serves a connection until one of both sides closes it.
pub(super) async fn serve(shared: Arc<Shared>, mut connection: Connection) {
    loop {
        let incoming = connection.request(shared.rules.max_request_bytes).await;
        let next = match incoming {
            Ok(Incoming::Request(request)) => answer(&shared, &mut connection, &request).await,
            Ok(Incoming::Wrong(status)) => {
                let body = br#"{"error":{"type":"invalid_request_error","message":"The request cannot be read."}}"#;
                let head = Head { status, closes: true, headers: Vec::new() };
                let _ = send_body(&mut connection, &head, "application/json", body).await;
                Ok(Next::Close)
            }
            Ok(Incoming::Gone) | Err(_) => Ok(Next::Close),
        };
        if !matches!(next, Ok(Next::Keep)) {
            return;
        }
    }
}

async fn answer(
    shared: &Arc<Shared>,
    connection: &mut Connection,
    request: &Request,
) -> io::Result<Next> {
    let closes = request.closes() || shared.rules.close_each;
    let head = Head { status: 200, closes, headers: vec![shared.date()] };
    let protocol = Protocol::of_path(&request.path).filter(|_| request.method == "POST");
    let Some(protocol) = protocol else {
        let known = Protocol::of_path(&request.path).is_some();
        let status = if known { 405 } else { 404 };
        let words = Words::no_endpoint(status, &request.method, &request.path);
        return send_words(connection, head, &words, Protocol::OpenAiChat).await;
    };
    let arrival = record(shared, protocol, request);
    let head = head.with([request_id(protocol, arrival.number)]);
    let refuse = |reason| shared.state().tally.refuse(arrival.number, shared.elapsed(), reason);
    let key = shared.rules.key.as_deref();
    if key.is_some() && protocol.key(request) != key {
        refuse(Reason::Key);
        return send_words(connection, head, &Words::of(Refusal::Key, protocol), protocol).await;
    }
    let asked = match Asked::read(protocol, request, &arrival) {
        Ok(asked) => asked,
        Err(message) => {
            refuse(Reason::Malformed);
            return send_words(connection, head, &Words::invalid(message), protocol).await;
        }
    };
    let mut dice = Dice::new(shared.rules.seed ^ asked.number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let fault = shared.understood(&asked, &mut dice);
    if let Some(window) = shared.rules.context_window
        && asked.input_tokens + asked.max_tokens > window
    {
        refuse(Reason::TooLong);
        let words = Words::too_long(protocol, asked.input_tokens, asked.max_tokens, window);
        return send_words(connection, head, &words, protocol).await;
    }
    if let Some(fault) = &fault
        && let Some(status) = refused_with(fault, &asked)
    {
        refuse(Reason::Scripted(status));
        return send_refusal(shared, connection, head, &asked, fault).await;
    }
    let mut admission = match Admission::ask(shared, &asked) {
        Ok(admission) => admission,
        Err(denied) => {
            let pause = denied.wait.and_then(|wait| shared.retry_after(wait));
            let head = head.with(pause).with(shared.rate_headers(&asked));
            let words = Words::denied(&denied, protocol, &asked.model);
            return send_words(connection, head, &words, protocol).await;
        }
    };
    let next =
        admitted(shared, connection, head, &asked, fault.as_ref(), &mut dice, &mut admission);
    let next = next.await;
    admission.finish(if next.is_ok() { Outcome::Broken } else { Outcome::Abandoned });
    next
}

/// Notes a call, and gives it its number.
fn record(shared: &Shared, protocol: Protocol, request: &Request) -> Arrival {
    let at = shared.elapsed();
    let calls = &mut shared.state().tally.calls;
    let number = calls.len() as u64;
    calls.push(Call {
        number,
        at,
        ended: None,
        protocol,
        key: protocol.key(request).unwrap_or_default().to_owned(),
        model: String::new(),
        class: request.header(super::CLASS_HEADER).map(str::to_owned),
        charged: Amounts::default(),
        took: Amounts::default(),
        fault: None,
        outcome: Outcome::Open,
    });
    let Rules { count, default_max_tokens, .. } = shared.rules;
    Arrival { number, at, count, default_max_tokens }
}

async fn admitted(
    shared: &Arc<Shared>,
    connection: &mut Connection,
    head: Head,
    asked: &Asked,
    fault: Option<&Fault>,
    dice: &mut Dice,
    admission: &mut Admission,
) -> io::Result<Next> {
    let latency = shared.rules.latency;
    let (first, per_token) = (latency.first.draw(dice), latency.per_token.draw(dice));
    match fault {
        Some(Fault::Hang) => return Err(connection.departed().await),
        Some(Fault::Disconnect) => {
            connection.wait(first).await?;
            return Ok(Next::Close);
        }
        Some(Fault::Garbage) => {
            connection.wait(first).await?;
            admission.finish(Outcome::Answered);
            let head = head.with(shared.rate_headers(asked));
            return send_body(
                connection,
                &head,
                asked.content_type(),
                b"<<<<< not what you asked for",
            )
            .await;
        }
        Some(Fault::ErrorWith200(refusal)) => {
            connection.wait(first).await?;
            admission.finish(Outcome::Answered);
            let words = Words::of(*refusal, asked.protocol);
            let body = words.body(asked.protocol, "req_with_200").to_string();
            let head = head.with(shared.rate_headers(asked));
            return send_body(connection, &head, "application/json", body.as_bytes()).await;
        }
        _ => {}
    }
    let reply = reply(shared, asked, fault);
    let plan = Plan::new(asked, &reply, first, per_token);
    let plan = match fault {
        Some(fault) => plan.with(fault, asked),
        None => plan,
    };
    let rates = || shared.rate_headers(asked);
    send_plan(connection, head, asked.content_type(), plan, admission, rates).await
}

/// What the model says, and what a fault makes of it.
fn reply(shared: &Shared, asked: &Asked, fault: Option<&Fault>) -> Reply {
    let mut said = (shared.rules.text)(asked);
    let mut max_tokens = asked.max_tokens;
    match fault {
        Some(Fault::CutInCharacter | Fault::CutInLine) => {
            said = Said::from(format!("caf\u{e9} {}", said.text));
        }
        Some(Fault::Empty) => said = Said::default(),
        Some(Fault::ReasoningOnly) => {
            said =
                Said { reasoning: "What is asked here? Let me see.".to_owned(), ..Said::default() };
        }
        Some(Fault::Huge(bytes)) => {
            said = Said::from("a huge answer ".repeat(bytes / 14 + 1));
            max_tokens = u64::MAX;
        }
        Some(Fault::MaxTokens) => max_tokens = (said.text.len() as u64 / 8).clamp(1, max_tokens),
        _ => {}
    }
    let per_event = shared.rules.latency.tokens_per_event;
    let mut reply = Reply::new(asked, &said, max_tokens, per_event, shared.since_1970());
    if let Some(Fault::EndsWith(word)) = fault {
        reply.finish = Finish::Word(word);
    }
    reply.usage = match fault {
        Some(Fault::Usage(WrongUsage::Missing)) => None,
        Some(Fault::Usage(WrongUsage::Absurd)) => {
            Some(Usage { input: 1_000_000_000_000, output: 1_000_000_000_000 })
        }
        Some(Fault::Usage(WrongUsage::TooLow)) => {
            reply.usage.map(|usage| Usage { input: usage.input / 10, output: usage.output / 10 })
        }
        _ => reply.usage,
    };
    reply
}

/// The id of a request, under the protocol's name for it.
fn request_id(protocol: Protocol, number: u64) -> Header {
    let name = match protocol {
        Protocol::AnthropicMessages => "request-id",
        Protocol::OpenAiChat | Protocol::OpenAiResponses => "x-request-id",
    };
    (name.to_owned(), format!("req_{number:024x}"))
}
