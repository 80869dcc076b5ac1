//! Checkpoints: a mark stands where its answer says, and says what stands before it (L2).

use highwater_protocol::{Checkpoint, LogPos, Record, Seq};

use super::{Breach, Oracle};

impl Oracle {
    /// A mark became durable.
    pub(super) fn marks(&self, seq: Seq) -> Result<(), Breach> {
        if !self.was_asked("checkpoint") {
            return Err("L4: a checkpoint is marked that nobody asked for".to_owned());
        }
        let head = self.fold.head();
        if seq.0 == head {
            return Ok(());
        }
        Err(format!("L4: a checkpoint knows of {seq}, the log ends at #{head}"))
    }

    /// A mark was acknowledged to whom asked for it when the log ended at `since`.
    pub(super) fn marked(&self, since: LogPos, mark: &Checkpoint) -> Result<(), Breach> {
        let at = mark.position;
        let found = usize::try_from(at.0).ok().and_then(|at| self.log.get(at));
        match found {
            Some(Record::Checkpointed { seq, digest, .. })
                if (*seq, *digest) == (mark.seq, mark.digest) && at >= since =>
            {
                Ok(())
            }
            _ => Err(format!(
                "L2: {mark:?} was acknowledged; asked for at {since}, the log has {found:?} there"
            )),
        }
    }
}
