//! Answers onto the wire: a stream of Anthropic's events, whose text comes piece by piece, and refusals.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Bytes, Frame};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Instant, Sleep, sleep_until};

use super::super::account::Admitted;
use super::super::{Limited, Wanted};

/// In how many pieces a text comes.
const PIECES: u32 = 4;

/// Pieces and their moments. The slot is free before the last piece goes out: whoever has read the end of an answer
/// finds it so.
pub(super) struct Told {
    pieces: VecDeque<(Instant, Bytes)>,
    /// Until the first of them.
    waits: Pin<Box<Sleep>>,
    admitted: Option<Admitted>,
}

impl Told {
    fn new(pieces: VecDeque<(Instant, Bytes)>, admitted: Option<Admitted>) -> Self {
        let first = pieces.front().map_or_else(Instant::now, |(at, _)| *at);
        Self { pieces, waits: Box::pin(sleep_until(first)), admitted }
    }
}

impl Body for Told {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.pieces.is_empty() {
            return Poll::Ready(None);
        }
        ready!(self.waits.as_mut().poll(context));
        let piece = self.pieces.pop_front().map(|(_, piece)| Ok(Frame::data(piece)));
        match self.pieces.front().map(|(at, _)| *at) {
            Some(next) => self.waits.as_mut().reset(next),
            None => self.admitted.take().into_iter().for_each(Admitted::answered),
        }
        Poll::Ready(piece)
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }
}

/// The answer to a call that came at `began`.
pub(super) fn streamed(
    admitted: Admitted,
    began: Instant,
    wanted: &Wanted,
    text: &str,
) -> Response<Told> {
    let usage = json!({"input_tokens": wanted.input_tokens, "output_tokens": 1});
    let message = json!({
        "id": "msg_simulated", "type": "message", "role": "assistant", "model": "simulated",
        "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage,
    });
    let block = json!({"type": "text", "text": ""});
    let begins = [
        json!({"type": "message_start", "message": message}),
        json!({"type": "content_block_start", "index": 0, "content_block": block}),
    ];
    let ended = json!({"stop_reason": "end_turn", "stop_sequence": null});
    let usage = json!({"output_tokens": wanted.output_tokens});
    let ends = [
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": ended, "usage": usage}),
        json!({"type": "message_stop"}),
    ];
    let mut pieces = VecDeque::from([(began, events(&begins))]);
    let mut rest = text;
    for left in (1..=PIECES).rev() {
        let share = rest.len() / usize::try_from(left).unwrap_or(1);
        let (piece, behind) = rest.split_at(rest.ceil_char_boundary(share));
        rest = behind;
        let delta = json!({"type": "text_delta", "text": piece});
        let mut said = vec![json!({"type": "content_block_delta", "index": 0, "delta": delta})];
        if left == 1 {
            said.extend(ends.clone());
        }
        let at = began + wanted.takes() * (PIECES - left + 1) / PIECES;
        pieces.push_back((at, events(&said)));
    }
    let told = Told::new(pieces, Some(admitted));
    response(StatusCode::OK, "text/event-stream; charset=utf-8", told)
}

/// A call that met a limit.
pub(super) fn limited(Limited { retry_after }: Limited) -> Response<Told> {
    let why = "This request would exceed your account's rate limit. Please try again later.";
    let mut response = refused(StatusCode::TOO_MANY_REQUESTS, why);
    let mut says = |name: &'static str, number: u128| {
        let value = number.to_string().parse().expect("digits can stand in a header");
        response.headers_mut().insert(name, value);
    };
    says("retry-after", retry_after.as_millis().div_ceil(1_000));
    says("retry-after-ms", retry_after.as_micros().div_ceil(1_000));
    response
}

/// A call that is not answered.
pub(super) fn refused(status: StatusCode, why: &str) -> Response<Told> {
    let kind = match status {
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
        StatusCode::INTERNAL_SERVER_ERROR => "api_error",
        _ => "invalid_request_error",
    };
    let body = json!({"type": "error", "error": {"type": kind, "message": why}}).to_string();
    let pieces = VecDeque::from([(Instant::now(), Bytes::from(body))]);
    response(status, "application/json", Told::new(pieces, None))
}

fn response(status: StatusCode, content_type: &str, told: Told) -> Response<Told> {
    let response = Response::builder().status(status).header("content-type", content_type);
    response.body(told).expect("the head is legal")
}

/// Events as they stand in a stream.
fn events(all: &[Value]) -> Bytes {
    let mut text = String::new();
    for event in all {
        let name = event["type"].as_str().unwrap_or_default();
        text.extend(["event: ", name, "\ndata: ", &event.to_string(), "\n\n"]);
    }
    Bytes::from(text)
}
