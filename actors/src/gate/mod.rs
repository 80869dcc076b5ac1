//! The gate: one arbiter for each provider's account, between turns and compaction (G1 to G6).
//!
//! ```text
//! host's turn    --acquire(Turn)--------+
//! compactor      --acquire(Compaction)--+--> gate of the account --> Permit, given back when it is dropped,
//! remote holder  --lease----------------+                            finished, or when its holder ends
//! ```
//!
//! The policy is `highwater_protocol::limit`; an account's actor only waits and grants.

mod account;
mod errand;
mod following;
mod handle;
mod messages;
mod permit;
#[cfg(test)]
mod tests;

pub(crate) use account::{AccountActor, AccountArguments};
pub use errand::{Errand, Pressure};
pub use following::{Calls, Followed};
pub use handle::{Gate, HOUSE};
pub(crate) use messages::GateMessage;
pub use permit::{Lease, Permit, PermitRequest};
