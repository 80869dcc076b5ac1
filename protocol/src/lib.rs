//! The pure core of Highwater: vocabulary, rules, and the session as a state machine.
//!
//! No tokio, no files, no clock, no randomness: time, seeds and ids come in as arguments.

pub mod caps;
pub mod format;
pub mod tokens;

pub mod chunk;
pub mod cut;
pub mod limit;
pub mod message;
pub mod session;
pub mod splice;

mod block;
mod budget;
mod elide;
mod entry;
mod error;
mod group;
mod ids;
mod links;
mod pass;
mod position;
mod record;
mod segment;
mod summary;
mod time;
mod view;

pub use block::{Answer, Block, Unit};
pub use budget::{Budget, MIN_LANDING_TOKENS};
pub use elide::Breakdown;
pub use entry::{Dialect, Entry, Format, Message, Original, Part, PartKind, Role};
pub use error::{Error, Kind};
pub use group::{Group, Member, STAND_IN};
pub use ids::{CallNumber, Digest, EntryId, PassId, RequestId, SessionId};
pub use pass::{Abandoned, Outcome, Refused};
pub use position::{LogPos, Seq, SeqRange};
pub use record::{CallRef, Record};
pub use segment::{Context, Segment, Shown};
pub use summary::Summary;
pub use time::Timestamp;
pub use tokens::TokenCount;
pub use view::View;
