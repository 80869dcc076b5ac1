//! Tables and properties of the policy.

mod bounds;
mod keys;
mod learning;
mod play;
mod table;
mod unruly;
