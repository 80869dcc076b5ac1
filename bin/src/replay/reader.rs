//! Reading the transcript on a thread of its own, a little ahead of the play.

use highwater_protocol::Entry;
use tokio::sync::mpsc;

use crate::input::{InputError, Transcript};

/// Batches read ahead: enough to keep the play busy, little enough to bound memory.
const AHEAD: usize = 64;

/// What is odd about a transcript: kind, count, first place.
pub(super) type Oddities = Vec<(&'static str, u64, String)>;

/// What the reader hands over.
pub(super) enum Read {
    /// The next entries.
    Entries(Vec<Entry>),
    /// Everything is read: what was odd.
    End(Oddities),
    /// It cannot be read on.
    Failed(InputError),
}

/// Starts reading. Ends by itself at the end of the file or when nobody listens any more.
pub(super) fn start(mut transcript: Transcript) -> mpsc::Receiver<Read> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        loop {
            let (read, ends) = match transcript.next() {
                Ok(entries) if entries.is_empty() => (Read::End(transcript.warnings()), true),
                Ok(entries) => (Read::Entries(entries), false),
                Err(error) => (Read::Failed(error), true),
            };
            if sender.blocking_send(read).is_err() || ends {
                return;
            }
        }
    });
    receiver
}
