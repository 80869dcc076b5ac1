//! The integration tests, one binary: what is promised, seen through the public handle.

mod append;
mod changes;
mod checkpoints;
mod context;
mod gate;
mod golden_store;
mod hard_mark;
mod history;
mod kill;
mod measures;
mod non_blocking;
mod pass_failures;
mod passes;
mod past_calls;
mod plays;
mod processes;
mod properties;
mod recovery;
mod residency;
mod seen_in_the_wild;
mod store_failures;
mod supervision;
mod tidy;
mod token_estimate;
mod tool;
mod transcripts;
