//! What of a group is in memory (L5): its weight in bytes, letting its texts go, and taking them back.

use std::sync::Arc;

use crate::entry::Message;
use crate::outline::Said;
use crate::position::{LogPos, Seq};

use super::{Call, CallState, Group, Member};

impl Group {
    /// The bytes of memory that the group takes.
    pub(crate) fn weight(&self) -> usize {
        let segment = self.segment.as_ref().map_or(0, |rendered| rendered.bytes);
        size_of::<Self>() + self.held + segment
    }

    /// Counts the bytes of entries and calls anew.
    pub(crate) fn weigh(&mut self) {
        let members = self.members.iter().map(|it| size_of::<Member>() + it.said.weight());
        let calls = self.calls.iter().map(Call::weight);
        self.held = members.chain(calls).sum::<usize>() + self.pins.len() * size_of::<Seq>();
    }

    /// Whether all its records stand before a position.
    pub(crate) fn is_stored(&self, durable: LogPos) -> bool {
        self.members.iter().all(|member| member.at < durable)
    }

    /// Lets its texts and its rendered blocks go. How many entries became outlines.
    pub(crate) fn evict(&mut self) -> usize {
        self.segment = None;
        let mut outlined = 0;
        for member in &mut self.members {
            if let Some(message) = member.said.whole() {
                member.said = Said::outlined(message);
                outlined += 1;
            }
        }
        if outlined > 0 {
            self.weigh();
        }
        outlined
    }

    /// Takes the text of an entry back, and says whether it was away. `None` when it is not what the entry said.
    pub(crate) fn take_back(&mut self, seq: Seq, message: &Arc<Message>) -> Option<bool> {
        let member = self.members.iter_mut().find(|member| member.seq == seq)?;
        if member.digest() != message.digest {
            return None;
        }
        let was_away = member.message().is_none();
        if was_away {
            member.said = Said::Whole(Arc::clone(message));
            self.weigh();
        }
        Some(was_away)
    }

    /// The entries whose texts are away, by where they stand in the log.
    pub(crate) fn away(&self) -> impl Iterator<Item = (LogPos, Seq)> {
        let away = self.members.iter().filter(|member| member.message().is_none());
        away.map(|member| (member.at, member.seq))
    }
}

impl Call {
    /// Its id is kept three times: here, among the ids that are shown, and among the open ends.
    fn weight(&self) -> usize {
        let resolution = match &self.state {
            CallState::Resolved(resolution, _) => resolution.detail().len(),
            _ => 0,
        };
        let alias = self.alias.as_ref().map_or(0, |alias| alias.len());
        size_of::<Self>() + 3 * self.id.len() + 2 * alias + self.name.len() + resolution
    }
}

#[cfg(test)]
impl Group {
    /// Whether it is rendered already.
    pub(crate) fn is_rendered(&self) -> bool {
        self.segment.is_some()
    }
}
