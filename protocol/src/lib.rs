//! The pure core of Highwater: vocabulary, rules, and the session as a state machine.
//!
//! No tokio, no files, no clock, no randomness: time, seeds and ids come in as arguments. Events go in, commands come
//! out, and the shell around it carries them out. The whole loop, with a vector for a disk:
//!
//! ```
//! use highwater_protocol::message::{OpenCalls, Request};
//! use highwater_protocol::session::{Command, Event, Replay, SessionConfig};
//! use highwater_protocol::{Budget, Entry, EntryId, Format, LogPos, RequestId, SessionId, Timestamp, TokenCount};
//!
//! let budget = Budget::of_window(TokenCount(200_000))?;
//! let config = SessionConfig::new(budget, Format::Anthropic);
//! let mut session = Replay::new().finish(SessionId::parse("demo")?, config, Timestamp(0))?;
//! let mut disk = Vec::new();
//!
//! let hello = Entry::user(EntryId::parse("e1")?, "Where does the ferry to Seil leave?")?;
//! let append = Request::Append { entries: vec![hello.into()] };
//! let context = Request::Context { open_calls: OpenCalls::Refuse };
//! for (number, body) in [append, context].into_iter().enumerate() {
//!     let mut commands = session.step(Timestamp(1), Event::Request { request: RequestId(number as u64), body });
//!     while let Some(command) = commands.pop() {
//!         match command {
//!             Command::Write { records, .. } => {
//!                 disk.extend(records);
//!                 let position = LogPos(disk.len() as u64);
//!                 commands.extend(session.step(Timestamp(2), Event::Durable { position }));
//!             }
//!             Command::Reply { reply, .. } => println!("{:?}", reply?),
//!             other => println!("{other:?}"),
//!         }
//!     }
//! }
//! assert_eq!(disk.len(), 3, "opened, appended, answered");
//! # Ok::<(), highwater_protocol::Error>(())
//! ```

pub mod caps;
pub mod format;
pub mod tokens;

pub mod accept;
pub mod anchor;
pub mod chunk;
pub mod cut;
pub mod limit;
pub mod message;
pub mod payload;
pub mod piece;
pub mod prompt;
pub mod retry;
pub mod session;
pub mod splice;
pub mod stretch;

mod block;
mod branch;
mod budget;
mod chain;
mod checkpoint;
mod elide;
mod entry;
mod error;
mod group;
mod ids;
mod links;
mod outline;
mod pass;
mod position;
mod record;
mod register;
mod resolution;
mod segment;
mod summary;
mod time;
mod view;

pub use block::{Answer, Block, Unit};
pub use branch::Rewinds;
pub use budget::{Budget, MIN_LANDING_TOKENS};
pub use checkpoint::Checkpoint;
pub use elide::Breakdown;
pub use entry::{Dialect, Entry, Format, Message, Original, Part, PartKind, Role};
pub use error::{Error, Kind};
pub use group::{Group, Member, STAND_IN};
pub use ids::{CallNumber, Digest, EntryId, PassId, RequestId, SessionId};
pub use pass::{Abandoned, Outcome, Refused};
pub use payload::{Content, Payload};
pub use position::{LogPos, Seq, SeqRange, SeqSpans};
pub use record::{CallRef, EntryOf, Record, Replacement};
pub use register::{Fact, FactKind};
pub use resolution::{CallEnd, Resolution};
pub use segment::{Context, Segment, Shown};
pub use summary::Summary;
pub use time::{Moment, Timestamp};
pub use tokens::{TokenCount, Usage};
pub use view::{Removed, View};
