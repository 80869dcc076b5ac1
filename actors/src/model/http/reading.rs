//! Reading what a provider sends, bounded: bodies as a whole, and streams in whole lines, so that the parser of events
//! never reads the start of a long line again and a letter that came in two pieces is one.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::Stream;
use futures_util::stream;
use highwater_protocol::caps::MAX_ANSWER_BYTES;
use reqwest::Response;

use crate::model::Heard;

/// What some servers begin a text with. It belongs to no line, and the parser of events cannot bear it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Why nothing more can be read.
#[derive(Debug)]
pub(super) enum Cut {
    /// The connection broke, or was silent for too long.
    Connection(reqwest::Error),
    /// It is more than an answer may be.
    TooLarge,
    /// It is no UTF-8.
    NotText,
}

/// A body up to a cap.
pub(super) async fn body(mut response: Response, heard: &Heard) -> Result<String, Cut> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Cut::Connection)? {
        heard.note();
        if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(Cut::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    String::from_utf8(bytes).map_err(|_| Cut::NotText)
}

/// The beginning of a body.
pub(super) struct Beginning {
    pub(super) text: String,
    /// Whether there is more, or was to be.
    pub(super) is_cut: bool,
}

/// The beginning of a body, as far as it comes: what a refusal says is worth having, and not worth failing for.
pub(super) async fn beginning(mut response: Response, cap: usize, heard: &Heard) -> Beginning {
    let mut bytes = Vec::new();
    let is_cut = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => break false,
            Err(_) => break true,
        }
        heard.note();
        if bytes.len() > cap {
            bytes.truncate(cap);
            break true;
        }
    };
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
    Beginning { text: String::from_utf8_lossy(bytes).into_owned(), is_cut }
}

/// A body in whole lines; what comes after its last line end is dropped. `held` counts the bytes that belong to no
/// event yet, and is set back by whoever takes the events.
pub(super) fn lines(
    response: Response,
    held: &AtomicUsize,
    heard: &Heard,
) -> impl Stream<Item = Result<Vec<u8>, Cut>> {
    let reading = Some((response, Vec::new(), true));
    stream::unfold(reading, move |reading| async move {
        let (mut response, mut begun, is_first): (Response, Vec<u8>, bool) = reading?;
        loop {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                // A last event that lacks its blank line is ended here, if its own line was.
                Ok(None) if begun.is_empty() => return Some((Ok(b"\n".to_vec()), None)),
                Ok(None) => return None,
                Err(error) => return Some((Err(Cut::Connection(error)), None)),
            };
            heard.note();
            if held.fetch_add(chunk.len(), Ordering::Relaxed) + chunk.len() > MAX_ANSWER_BYTES {
                return Some((Err(Cut::TooLarge), None));
            }
            let end = chunk.iter().rposition(|byte| matches!(byte, b'\n' | b'\r'));
            let Some(end) = end else {
                begun.extend_from_slice(&chunk);
                continue;
            };
            begun.extend_from_slice(&chunk[..=end]);
            if std::str::from_utf8(&begun).is_err() {
                return Some((Err(Cut::NotText), None));
            }
            while is_first && begun.starts_with(BYTE_ORDER_MARK) {
                begun.drain(..BYTE_ORDER_MARK.len());
            }
            return Some((Ok(begun), Some((response, chunk[end + 1..].to_vec(), false))));
        }
    })
}
