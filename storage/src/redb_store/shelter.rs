//! A page whose bytes were changed outside of redb can make it panic, since it trusts what it reads. At the door that is
//! an error like any other damage. What remains: redb may panic twice at once while it closes a file whose lists of free
//! pages are damaged, and that ends the process.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::failure::in_place;
use crate::error::StoreError;

/// Does some work of redb, and tells what it said when it panicked. What the work has touched is not trusted after that.
pub(super) fn sheltered<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| said(panic.as_ref()))
}

/// The error of a file that made redb panic.
pub(super) fn damaged(tried: &str, said: &str) -> StoreError {
    in_place(&tried, &format!("the file is damaged ({said}): restore a copy"))
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("redb panicked").to_owned()
}
