//! Tables and properties of the policy.

mod account;
mod bounds;
mod keys;
mod learning;
mod play;
mod shares;
mod stray;
mod table;
mod unruly;
