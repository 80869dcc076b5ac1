//! The ids that calls are shown with. Real models reuse call ids, and some leave them empty; a provider takes each id
//! once, so a call whose id is taken is shown with another one, chosen when it is first seen and never changed (P3).

use std::borrow::Cow;

use crate::entry::{Message, Part, PartKind};
use crate::format;
use crate::position::Seq;

use super::{Call, Group};

impl Call {
    /// The id that the call is shown with.
    pub(super) fn shown_id(&self) -> &str {
        self.alias.as_ref().unwrap_or(&self.id)
    }
}

impl Group {
    /// Gives calls whose id is taken, or empty, one that is not.
    pub(crate) fn name_calls(&mut self, mut is_taken: impl FnMut(&str) -> bool) {
        let mut given: Vec<Box<str>> = Vec::new();
        for call in &mut self.calls {
            let mut is_free =
                |id: &str| !id.is_empty() && !is_taken(id) && !given.iter().any(|g| **g == *id);
            if !is_free(&call.id) {
                let stem = if call.id.is_empty() { "call" } else { &*call.id };
                let mut alias = format!("{stem}_{}", call.seq.0);
                while !is_free(&alias) {
                    alias.push('_');
                }
                call.alias = Some(alias.into());
            }
            given.push(call.shown_id().into());
        }
        if self.calls.iter().any(|call| call.alias.is_some()) {
            self.weigh();
        }
    }

    /// The ids that the group's calls are shown with, each with the entry that makes the call.
    pub(crate) fn shown_ids(&self) -> impl Iterator<Item = (&str, Seq)> {
        self.calls.iter().map(|call| (call.shown_id(), call.seq))
    }

    /// What an entry says besides results, with the ids that its calls are shown with.
    pub(super) fn spoken<'a>(
        &'a self,
        seq: Seq,
        message: &'a Message,
    ) -> impl Iterator<Item = Cow<'a, Part>> {
        let mut calls = self.calls.iter().filter(move |call| call.seq == seq);
        let spoken = message.parts.iter().filter(|part| !part.is_result());
        spoken.map(move |part| match &part.kind {
            PartKind::ToolCall { .. } => named(part, calls.next()),
            _ => Cow::Borrowed(part),
        })
    }
}

/// A call's part, or its result's, with the id that the call is shown with.
pub(super) fn named<'a>(part: &'a Part, call: Option<&Call>) -> Cow<'a, Part> {
    match call.and_then(|call| call.alias.as_deref()) {
        Some(alias) => Cow::Owned(format::with_call_id(part, alias)),
        None => Cow::Borrowed(part),
    }
}
