//! Answers onto the wire: heads, bodies of a known length, and streams in chunks.

use std::fmt::Write;
use std::io;

use super::admission::Admission;
use super::headers::Header;
use super::http::{Connection, reason};
use super::plan::{Ending, Plan};
use super::tally::Outcome;

/// What becomes of the connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The next request may come.
    Keep,
    /// It is closed.
    Close,
}

/// The head of an answer.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    /// Whether it tells that the connection will be closed.
    pub(super) closes: bool,
    pub(super) headers: Vec<Header>,
}

impl Head {
    /// The same with further headers.
    pub(super) fn with(mut self, headers: impl IntoIterator<Item = Header>) -> Self {
        self.headers.extend(headers);
        self
    }

    fn next(&self) -> Next {
        if self.closes { Next::Close } else { Next::Keep }
    }

    /// Its bytes; without a length, the body comes in chunks.
    fn bytes(&self, content_type: &str, length: Option<usize>) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        let mut line = |name: &str, value: &str| {
            write!(head, "{name}: {value}\r\n").expect("a string takes all that is written");
        };
        line("content-type", content_type);
        match length {
            Some(length) => line("content-length", &length.to_string()),
            None => line("transfer-encoding", "chunked"),
        }
        if self.closes {
            line("connection", "close");
        }
        for (name, value) in &self.headers {
            line(name, value);
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

/// Sends an answer of one piece.
pub(super) async fn send_body(
    connection: &mut Connection,
    head: &Head,
    content_type: &str,
    body: &[u8],
) -> io::Result<Next> {
    let mut bytes = head.bytes(content_type, Some(body.len()));
    bytes.extend_from_slice(body);
    connection.send(&bytes).await?;
    Ok(head.next())
}

/// Sends an answer part by part. The slot is given back before the last bytes go out: whoever has read the end of an
/// answer finds it free.
pub(super) async fn send_plan(
    connection: &mut Connection,
    head: Head,
    content_type: &str,
    plan: Plan,
    admission: &mut Admission,
    rates: impl Fn() -> Vec<Header>,
) -> io::Result<Next> {
    let Plan { streamed, parts, length, ending, closes } = plan;
    let mut waiting = Some(head.clone());
    let last = parts.len().saturating_sub(1);
    for (at, part) in parts.iter().enumerate() {
        connection.wait(part.before).await?;
        admission.produce(part.tokens);
        let over = at == last && ending == Ending::Whole;
        if over {
            admission.finish(Outcome::Answered);
        }
        let mut bytes = Vec::new();
        if let Some(head) = waiting.take() {
            bytes = head.with(rates()).bytes(content_type, (!streamed).then_some(length));
        }
        if streamed {
            bytes.extend_from_slice(format!("{:x}\r\n", part.bytes.len()).as_bytes());
        }
        bytes.extend_from_slice(&part.bytes);
        if streamed {
            bytes.extend_from_slice(if over { b"\r\n0\r\n\r\n" } else { b"\r\n" });
        }
        connection.send(&bytes).await?;
    }
    if let Some(head) = waiting {
        let bytes = head.with(rates()).bytes(content_type, (!streamed).then_some(length));
        connection.send(&bytes).await?;
    }
    match ending {
        Ending::Stall => Err(connection.departed().await),
        Ending::Disconnect => Ok(Next::Close),
        Ending::Whole if closes || head.closes => Ok(Next::Close),
        Ending::Whole => Ok(Next::Keep),
    }
}
