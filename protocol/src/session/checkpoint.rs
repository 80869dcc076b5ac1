//! Checkpoints: a marker for what stands now. Nothing that is shown changes, and no pass notices.

use crate::checkpoint::Checkpoint;
use crate::record::Record;
use crate::time::Timestamp;

use super::Session;

impl Session {
    /// Marks what stands now. The marker is on its way to the store behind everything that it stands for.
    pub(super) fn checkpoint(&mut self, now: Timestamp) -> Checkpoint {
        let view = self.state.view();
        let (seq, digest) = (view.head(), view.digest());
        let position = self.state.log_end();
        self.record(Record::Checkpointed { at: now, seq, digest });
        Checkpoint { position, seq, digest }
    }
}
