//! The gate as its users see it: errors, ends of permits, and a hundred thousand grants to unruly holders. Paused time.

mod crowd;
mod ends;
mod errors;
mod following;

use std::collections::BTreeMap;

use highwater_protocol::limit::{Amounts, Class, Key, Limits};

use super::{Gate, PermitRequest};

async fn gate(limits: Limits) -> Gate {
    let gate = Gate::new(1);
    gate.register("acme", limits, BTreeMap::new()).await.expect("legal limits");
    gate
}

fn turn() -> PermitRequest {
    PermitRequest::new(Key::of("acme"), Class::Turn, Amounts::new(100, 10))
}
