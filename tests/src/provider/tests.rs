//! The provider seen from outside, by a client that is a socket and nothing else.

mod client;
mod faults;
mod limits;
mod shapes;
mod time;
