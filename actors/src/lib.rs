//! Highwater keeps the transcripts of LLM agents bounded while the agents keep working.
//!
//! One actor per session owns its transcript; it spawns one compactor that summarizes up to a high-water mark beside
//! the running turns and splices the result back; a gate arbitrates the provider's slots between turns and compaction.
//!
//! ```text
//! Highwater --> registry --> session (one for each live session) --> compactor (at most one, lives for one pass)
//!                               |  events in, commands out             |
//!                               +--> journal (group commit) --> store  +--> gate (permits) --> summarizer
//!                               +<-- durable position                         ^
//!                                                   the host's own turns -----+
//! ```

pub mod count;
pub mod env;
pub mod examine;
pub mod history;
pub mod model;
pub mod summarize;
pub mod tool;

mod admission;
mod compactor;
mod door;
mod error;
mod export;
mod fork;
mod gate;
mod handle;
mod highwater;
mod house;
mod journal;
mod notices;
mod recovery;
mod registry;
mod residency;
mod session;

pub use export::Restore;
pub use gate::{Calls, Errand, Followed, Gate, HOUSE, Lease, Permit, PermitRequest, Pressure};
pub use handle::SessionHandle;
pub use highwater::{Builder, Highwater};
pub use highwater_protocol as protocol;
pub use highwater_storage as storage;
pub use notices::{Notices, Told};
pub use residency::Gauges;

/// The README's example, compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
