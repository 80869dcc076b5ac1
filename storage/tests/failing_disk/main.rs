//! Disks that fail: the power goes, a write, a sync or a read is refused, bits flip. What was acknowledged is there, what
//! was not is there whole or not at all, and every error says what it is about (L2, L6, L8).

mod behind;
mod beside;
mod bits;
mod dice;
mod disk;
mod faults;
mod power_loss;
mod redo;
mod rows;
mod workload;
