//! Exports: a session's log as files in a directory, each export only what is new since the one before, and back again.
//!
//! A part holds a stretch of the log; a manifest lists the parts of one export, names the manifest that it goes on from,
//! and commits last. Files are named by what they hold, so that two processes that export at once write the same bytes or
//! different names, and no file holds the name of another: there is no path in them that could lead out of the directory.

mod catalogue;
mod chain;
mod disk;
mod error;
mod file;
mod manifest;
mod names;
mod part;
mod present;
mod restore;
mod write;

#[cfg(test)]
mod tests;

pub use error::ExportError;
pub use restore::{Restored, Source, Verified, restore};
pub use write::{Exported, export, last_checkpoint};
