//! Opening and reading a transcript: from a file piece by piece, or the bundled one. Blocking; runs on its own thread
//! while the replay plays what it has got.

mod lines;

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use highwater_protocol::format::transcript::{
    DocumentRead, Shape, Unreadable, Warnings, detect, read_document,
};
use highwater_protocol::{Entry, Format, SessionId, caps};

use crate::sample;
use lines::Lines;

/// How much of a file is looked at to tell its format.
const HEAD_BYTES: u64 = 1 << 20;

/// An input that cannot be read: which, where, and why.
#[derive(Debug)]
pub(crate) struct InputError {
    name: String,
    why: String,
}

impl std::fmt::Display for InputError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name, self.why)
    }
}

impl std::error::Error for InputError {}

/// Where a transcript comes from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// A file.
    File(PathBuf),
    /// The transcript that comes with the program.
    Bundled,
}

/// What can be read: a file, or the bundled transcript in memory.
trait Bytes: Read + Seek + Send {}
impl<T: Read + Seek + Send> Bytes for T {}

impl Source {
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        file.map_or(Self::Bundled, Self::File)
    }

    /// The name that reports and errors use.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Bundled => "the bundled transcript".to_owned(),
        }
    }

    /// The session's name: as asked for, or the file's.
    pub(crate) fn session(
        &self,
        asked: Option<&str>,
    ) -> Result<SessionId, highwater_protocol::Error> {
        let own = match self {
            Self::File(path) => path.file_stem().map_or_else(
                || "transcript".to_owned(),
                |stem| stem.to_string_lossy().chars().filter(|c| !c.is_control()).collect(),
            ),
            Self::Bundled => "bundled".to_owned(),
        };
        SessionId::parse(asked.unwrap_or(&own))
    }

    /// The bytes, and how many there are.
    pub(crate) fn open(&self) -> Result<(Box<dyn Read + Send>, u64), InputError> {
        let (bytes, length) = self.bytes()?;
        Ok((Box::new(bytes), length))
    }

    fn bytes(&self) -> Result<(Box<dyn Bytes>, u64), InputError> {
        match self {
            Self::Bundled => {
                let bytes = sample::transcript();
                let length = bytes.len() as u64;
                Ok((Box::new(Cursor::new(bytes)), length))
            }
            Self::File(path) => {
                let (file, length) = self.open_file(path)?;
                Ok((Box::new(file), length))
            }
        }
    }

    fn open_file(&self, path: &Path) -> Result<(File, u64), InputError> {
        let file = File::open(path).map_err(|error| self.error(&error))?;
        let metadata = file.metadata().map_err(|error| self.error(&error))?;
        if metadata.is_dir() {
            return Err(self.error(&"is a directory, not a transcript"));
        }
        if !metadata.is_file() {
            return Err(self
                .error(&"is not a regular file; it is read twice, so a pipe cannot be replayed"));
        }
        let (found, cap) = (metadata.len(), caps::MAX_TRANSCRIPT_BYTES);
        if found > cap {
            return Err(self.error(&format!("is {found} bytes large, the cap is {cap}")));
        }
        Ok((file, found))
    }

    fn error(&self, why: &dyn std::fmt::Display) -> InputError {
        InputError { name: self.name(), why: why.to_string() }
    }
}

/// A transcript whose format is known.
pub(crate) struct Transcript {
    source: Source,
    body: Body,
    /// What the format is called.
    pub(crate) format: &'static str,
    /// The format that keeps its bytes when it is rendered.
    pub(crate) render: Format,
    /// The file's length.
    pub(crate) bytes: u64,
}

enum Body {
    Lines(Lines<BufReader<Box<dyn Bytes>>>),
    Document { entries: std::vec::IntoIter<Entry>, warnings: Warnings },
}

impl Transcript {
    /// Opens a transcript and tells its format; a document is read whole.
    pub(crate) fn open(source: Source) -> Result<Self, InputError> {
        let (mut file, bytes) = source.bytes()?;
        let mut head = Vec::new();
        (&mut file)
            .take(HEAD_BYTES)
            .read_to_end(&mut head)
            .map_err(|error| source.error(&error))?;
        let whole = head.len() as u64 == bytes;
        let detected = detect(&head, whole).map_err(|error| source.error(&error))?;
        if detected.shape == Shape::Lines {
            file.rewind().map_err(|error| source.error(&error))?;
            let body = Body::Lines(Lines::new(BufReader::new(file)));
            let (format, render) = (detected.name, detected.render);
            return Ok(Self { source, body, format, render, bytes });
        }
        if bytes > caps::MAX_DOCUMENT_BYTES as u64 {
            let cap = caps::MAX_DOCUMENT_BYTES;
            let why = format!("is one document of {bytes} bytes, the cap for those is {cap}");
            return Err(source.error(&why));
        }
        file.read_to_end(&mut head).map_err(|error| source.error(&error))?;
        let DocumentRead { entries, warnings, detected } =
            read_document(&head).map_err(|error: Unreadable| source.error(&error))?;
        let body = Body::Document { entries: entries.into_iter(), warnings };
        Ok(Self { source, body, format: detected.name, render: detected.render, bytes })
    }

    /// The next entries; none at the end.
    pub(crate) fn next(&mut self) -> Result<Vec<Entry>, InputError> {
        match &mut self.body {
            Body::Lines(lines) => lines.next().map_err(|error| self.source.error(&error)),
            Body::Document { entries, .. } => Ok(entries.next().into_iter().collect()),
        }
    }

    /// What was odd, once everything is read: kind, count, first place.
    pub(crate) fn warnings(&mut self) -> Vec<(&'static str, u64, String)> {
        let warnings = match &mut self.body {
            Body::Lines(lines) => lines.finish(),
            Body::Document { warnings, .. } => warnings,
        };
        warnings.iter().map(|(kind, count, first)| (kind, count, first.to_string())).collect()
    }
}
