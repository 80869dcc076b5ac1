//! The gate as its users see it.
