//! The gate: one arbiter for each provider's account, between turns and compaction (G1 to G6).
//!
//! ```text
//! host's turn    --acquire(Turn)--------+
//! compactor      --acquire(Compaction)--+--> gate of the account --> Permit, given back when it is dropped,
//! remote holder  --lease----------------+                            finished, or when its holder ends
//! ```
//!
//! The policy is `highwater_protocol::limit`; an account's actor only waits and grants. Where nobody waits, a permit is
//! taken and given back at the account's turnstile, without the actor.

mod account;
mod errand;
mod following;
mod handle;
mod messages;
mod permit;
#[cfg(test)]
mod tests;
mod turnstile;

pub(crate) use account::{AccountActor, AccountArguments};
pub use errand::{Errand, Pressure};
pub use following::{Calls, Followed};
pub use handle::{Gate, HOUSE};
pub(crate) use messages::GateMessage;
pub use permit::{Lease, Permit, PermitRequest};
use turnstile::{Policy, Turnstile};
