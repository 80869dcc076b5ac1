//! The gate's policy as a value: who may call a provider's models next (G1 to G6). No runtime and no clock; the gate's
//! actor only waits and grants what this says.
//!
//! ```
//! use std::time::Duration;
//!
//! use highwater_protocol::Moment;
//! use highwater_protocol::limit::{Amounts, Arbiter, Class, Limits, Quantity, Rate, Report, Ticket, Wish};
//!
//! let limits = Limits::slots(2).reserve(50).with(Quantity::Requests, Rate::per_minute(60));
//! let mut arbiter = Arbiter::new("acme", limits, [])?;
//! let now = Moment(Duration::from_secs(1));
//! let pass = Wish::new(Class::Compaction { fill: 70 }, Amounts::new(30_000, 2_000));
//! for ticket in [Ticket(1), Ticket(2)] {
//!     arbiter.request(now, ticket, pass.clone())?;
//! }
//! arbiter.request(now, Ticket(3), Wish::new(Class::Turn, Amounts::new(8_000, 1_000)))?;
//! let granted: Vec<Ticket> = std::iter::from_fn(|| arbiter.grant(now)).map(|grant| grant.ticket).collect();
//! assert_eq!(granted, [Ticket(3), Ticket(1)], "one slot is for turns alone");
//! arbiter.finish(now, Ticket(1), &Report::answered(Amounts::new(30_000, 600)), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod headers;

mod amounts;
mod arbiter;
mod breaker;
mod bucket;
mod claim;
mod class;
mod doubt;
mod learned;
mod limits;
mod lows;
mod meter;
mod pace;
mod pause;
mod queue;
mod recent;
mod report;
mod served;
mod status;
#[cfg(test)]
mod tests;
mod wish;

pub use amounts::{Amounts, Quantity};
pub use arbiter::{Arbiter, Grant};
pub use breaker::Broke;
pub use class::{BACKGROUND_PATIENCE, ByClass, COMPACTION_PATIENCE, Class, ClassKind};
pub use limits::{Key, Limits, MAX_RESERVE_PERCENT, Rate};
pub use meter::STARVED_AFTER;
pub use pause::Paused;
pub use report::{Ending, Report, Seen, Standing};
pub use served::Served;
pub use status::{KeyStatus, ProviderStatus, RateStatus, Tally};
pub use wish::{Denied, Never, NotNow, Ticket, Wish};
