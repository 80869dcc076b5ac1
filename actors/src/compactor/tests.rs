//! Passes with good and bad summarizers: what they write, what they call for it, and when they end. Paused time.

mod escalation;
mod ground;
mod keeping;
mod levels;
mod time;
