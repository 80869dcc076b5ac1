//! What the simulator promises of itself.
