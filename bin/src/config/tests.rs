//! Whole files: what is read from them, and what is told of the wrong ones.
