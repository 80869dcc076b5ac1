//! What the tests share: transcripts as text, the byte oracle, rules checked naively, a host that plays, houses to
//! play in, and a provider that is simulated. Fixtures panic where they are misused: that is how a test fails.
#![allow(clippy::missing_panics_doc)]

pub mod acks;
pub mod branch;
pub mod dice;
pub mod generate;
pub mod grown;
pub mod host;
pub mod log;
pub mod machine;
pub mod notation;
pub mod oracle;
pub mod provider;
pub mod rules;
pub mod stored;
pub mod transcript;
pub mod world;
