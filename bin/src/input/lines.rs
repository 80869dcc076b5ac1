//! A line-based file, line by line, without ever holding more than two lines.

use std::fmt;
use std::io::{self, BufRead, Read};

use highwater_protocol::format::transcript::{LineReader, Unreadable, Warnings};
use highwater_protocol::{Entry, caps};

/// Reads entries from lines. One line is read ahead, since only the last one may be torn.
pub(super) struct Lines<R> {
    bytes: R,
    reader: LineReader,
    ahead: Option<Vec<u8>>,
}

/// Why the next line could not be read.
#[derive(Debug)]
pub(super) enum LineError {
    Io(io::Error),
    Unreadable(Unreadable),
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Unreadable(error) => error.fmt(f),
        }
    }
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(bytes: R) -> Self {
        Self { bytes, reader: LineReader::new(), ahead: None }
    }

    /// The entries of the next line; none at the end of the file.
    pub(super) fn next(&mut self) -> Result<Vec<Entry>, LineError> {
        let line = match self.ahead.take() {
            Some(line) => line,
            None => self.read_line()?,
        };
        if line.is_empty() {
            return Ok(Vec::new());
        }
        let following = self.read_line()?;
        let is_last = following.is_empty();
        self.ahead = Some(following);
        self.reader.push(&line, is_last).map_err(LineError::Unreadable)
    }

    /// What was odd; to be called at the end.
    pub(super) fn finish(&mut self) -> &Warnings {
        self.reader.finish()
    }

    /// One line with its end. A line over the cap is read just beyond it, so that the reader can name it.
    fn read_line(&mut self) -> Result<Vec<u8>, LineError> {
        let mut line = Vec::new();
        let limit = caps::MAX_ENTRY_BYTES as u64 + 1;
        self.bytes.by_ref().take(limit).read_until(b'\n', &mut line).map_err(LineError::Io)?;
        Ok(line)
    }
}
