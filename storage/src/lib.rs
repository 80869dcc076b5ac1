//! Where sessions are durable: the [`Store`] door (L8), redb behind it, an in-memory store, and a faulty one for tests.
//!
//! A store keeps each session's log of [`Record`](highwater_protocol::Record)s in order and without gaps. What it
//! answered as stored is durable as far as its [`Durability`] says; what it could not store it says so, and when it
//! does not know it says that too (L6). Every stored value carries a checksum that is verified when it is read.
//!
//! ```
//! use highwater_protocol::{LogPos, Outcome, PassId, Record, SessionId, Timestamp};
//! use highwater_storage::{Appended, BatchId, MemoryStore, PageLimit, SessionBatch, Store};
//!
//! let store = MemoryStore::new();
//! let session = SessionId::parse("demo")?;
//! let lease = store.open_session(&session)?;
//! let record = Record::PassEnded {
//!     at: Timestamp(0),
//!     pass: PassId(1),
//!     outcome: Outcome::NothingToDo,
//! };
//! let answers = store.append(&[SessionBatch {
//!     session: session.clone(),
//!     epoch: lease.epoch,
//!     head: lease.head,
//!     batch: BatchId(1),
//!     records: vec![record.clone()],
//! }])?;
//! assert_eq!(answers, [Appended::Stored(LogPos(1))]);
//! let page = store.read(&session, LogPos(0), PageLimit { bytes: 1 << 20 })?;
//! assert_eq!(page.records, [(LogPos(0), record)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod admission;
mod codec;
mod directory;
mod engine;
mod error;
pub mod export;
mod faulty;
#[cfg(test)]
mod golden;
mod memory;
mod packing;
mod record;
mod redb_store;
mod row;
mod store;
mod tables;
mod wrapping;

pub use error::StoreError;
pub use faulty::{Fault, FaultyStore};
pub use memory::MemoryStore;
pub use record::{decode_anchor, encode_anchor};
pub use redb_store::{LostPayload, Payloads, RedbOptions, RedbStore};
pub use store::{
    Appended, BatchId, Capabilities, Durability, Epoch, Fork, Lease, MAX_FORK_DEPTH, Page,
    PageLimit, Sealed, SessionBatch, SessionInfo, Store, Swept, Usage,
};
pub use wrapping::{Access, Shared, Wrapping};
