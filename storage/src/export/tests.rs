//! Exports and restores over stores in memory: logs go out and come back, and what is not right is refused by name.

mod crashes;
mod crowds;
mod fixture;
mod forged;
mod golden;
mod refusals;
mod trips;
