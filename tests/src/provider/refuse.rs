//! Calls that are not admitted: the answer that says so.

use std::io;

use super::Shared;
use super::asked::{Asked, Protocol};
use super::http::{Connection, reason};
use super::refusal::Words;
use super::script::Fault;
use super::write::{Head, Next, send_body};

/// Refuses in the words of a protocol.
pub(super) async fn send_words(
    connection: &mut Connection,
    head: Head,
    words: &Words,
    protocol: Protocol,
) -> io::Result<Next> {
    let id = head.headers.iter().find(|(name, _)| name.ends_with("request-id"));
    let id = id.map_or_else(String::new, |(_, id)| id.clone());
    let body = words.body(protocol, &id);
    let head = Head { status: words.status, ..head };
    send_body(connection, &head, "application/json", body.to_string().as_bytes()).await
}

/// The status of a fault that comes before the call is admitted.
pub(super) fn refused_with(fault: &Fault, asked: &Asked) -> Option<u16> {
    match fault {
        Fault::Refused(refusal) | Fault::RefusedFor(refusal, _) => {
            Some(Words::of(*refusal, asked.protocol).status)
        }
        Fault::ErrorEventAt(_, refusal) if !asked.stream => {
            Some(Words::of(*refusal, asked.protocol).status)
        }
        Fault::Raw { status, .. } | Fault::Gateway(status) => Some(*status),
        _ => None,
    }
}

/// Refuses as the script says.
pub(super) async fn send_refusal(
    shared: &Shared,
    connection: &mut Connection,
    head: Head,
    asked: &Asked,
    fault: &Fault,
) -> io::Result<Next> {
    match fault {
        Fault::Refused(refusal) | Fault::ErrorEventAt(_, refusal) => {
            let words = Words::of(*refusal, asked.protocol);
            let head = head.with(shared.rate_headers(asked));
            send_words(connection, head, &words, asked.protocol).await
        }
        Fault::RefusedFor(refusal, wait) => {
            let words = Words::of(*refusal, asked.protocol);
            let head = head.with(shared.retry_after(*wait)).with(shared.rate_headers(asked));
            send_words(connection, head, &words, asked.protocol).await
        }
        Fault::Raw { status, content_type, headers, body } => {
            let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
            let head = Head { status: *status, ..head.with(headers) };
            send_body(connection, &head, content_type, body.as_bytes()).await
        }
        Fault::Gateway(status) => {
            let phrase = reason(*status);
            let body = format!(
                "<html>\r\n<head><title>{status} {phrase}</title></head>\r\n<body>\r\n\
                 <center><h1>{status} {phrase}</h1></center>\r\n<hr><center>nginx</center>\r\n\
                 </body>\r\n</html>\r\n"
            );
            let head = Head { status: *status, ..head };
            send_body(connection, &head, "text/html", body.as_bytes()).await
        }
        _ => Ok(Next::Keep),
    }
}
