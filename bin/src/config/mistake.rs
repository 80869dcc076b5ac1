//! What is wrong with a configuration: all mistakes at once, each with its place. A mistake never repeats a text that
//! the user wrote as a value, since that may be a secret in the wrong place (S3).

use std::fmt;

use super::layer::From;

/// How many mistakes people are told at once. Who has more read another kind of file; programs get all of them.
const MOST_TOLD: usize = 50;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mistake {
    /// Where it was written, if at one place.
    pub(super) from: Option<From>,
    /// What is wrong, and what to write instead.
    pub(super) message: String,
}

impl Mistake {
    pub(super) fn new(from: Option<From>, message: impl Into<String>) -> Self {
        // What the user did not write is nowhere to be mended.
        let from = from.filter(From::is_the_users);
        Self { from, message: message.into() }
    }

    /// The place as people look for it.
    pub(super) fn place(&self, file: &str) -> String {
        self.from.as_ref().map_or_else(|| file.to_owned(), |from| from.place(file))
    }
}

/// A configuration that cannot be used. The program ends with the exit code of unusable input.
#[derive(Debug)]
pub(crate) struct ConfigError {
    /// The file, or what stands for it.
    pub(super) file: String,
    /// At least one, in the order of their places.
    pub(super) mistakes: Vec<Mistake>,
    /// How many of them people are told.
    most_told: usize,
}

impl ConfigError {
    pub(super) fn new(file: impl Into<String>, mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort();
        mistakes.dedup();
        Self { file: file.into(), mistakes, most_told: MOST_TOLD }
    }

    /// The same, of which people are told so many mistakes at most.
    pub(super) fn telling(self, most_told: usize) -> Self {
        Self { most_told, ..self }
    }

    /// A file that is not even looked into.
    pub(super) fn unreadable(file: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(file, vec![Mistake::new(None, why)])
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = &self.mistakes[..] {
            return write!(f, "{}: {}", only.place(&self.file), only.message);
        }
        write!(f, "the configuration has {} mistakes:", self.mistakes.len())?;
        for mistake in self.mistakes.iter().take(self.most_told) {
            write!(f, "\n  {}: {}", mistake.place(&self.file), mistake.message)?;
        }
        if let Some(more) = self.mistakes.len().checked_sub(self.most_told).filter(|more| *more > 0)
        {
            write!(f, "\n  and {more} more")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
