//! What went wrong elsewhere, as scenarios of the public handle: each test says what holds here instead. The cases and
//! the public threads that tell of them are listed in `docs/semantics.md`.

mod appends;
mod asked;
mod changed;
mod children;
mod clear;
mod crashes;
mod cuts;
mod reasoning;
mod summaries;
mod switches;
mod triggers;
mod two_passes;
mod wasted;
