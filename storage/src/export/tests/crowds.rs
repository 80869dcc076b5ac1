//! Several export one session into one directory at once, and others restore from it meanwhile.

use std::sync::Barrier;
use std::thread;

use highwater_protocol::LogPos;

use super::fixture::{Logged, ending, log, restored};
use crate::MemoryStore;

#[test]
fn exports_at_once_disturb_neither_each_other_nor_a_restore() {
    const CHECKPOINTS: usize = 12;
    let dir = tempfile::tempdir().unwrap();
    let (start, path) = (Barrier::new(4), dir.path());
    let whole = Logged::new("s", CHECKPOINTS as u64);
    whole.export(0, path).unwrap();
    thread::scope(|scope| {
        for step in [1, 2, 3] {
            let start = &start;
            scope.spawn(move || {
                let logged = Logged::new("s", CHECKPOINTS as u64);
                start.wait();
                for checkpoint in (0..CHECKPOINTS).step_by(step).chain([CHECKPOINTS - 1]) {
                    logged.export(checkpoint, path).unwrap();
                }
            });
        }
        start.wait();
        for _ in 0..20 {
            let store = MemoryStore::new();
            let done = restored(path, &store).unwrap();
            let checkpoint = whole.checkpoints.iter().position(|one| *one == done.checkpoint);
            assert_eq!(log(&store, &whole.session), whole.up_to(checkpoint.unwrap()));
        }
    });
    let store = MemoryStore::new();
    let done = restored(path, &store).unwrap();
    assert_eq!(done.checkpoint, whole.checkpoints[CHECKPOINTS - 1]);
    assert_eq!(log(&store, &whole.session), whole.up_to(CHECKPOINTS - 1));
    // Each manifest that is there can be restored, whoever committed it.
    assert!(ending(path, ".manifest").len() >= CHECKPOINTS);
    for (number, marked) in whole.checkpoints.iter().enumerate() {
        let store = MemoryStore::new();
        let at: LogPos = marked.position;
        let source = crate::export::Source { dir: path, session: None, checkpoint: Some(at) };
        crate::export::restore(&source, &store, None, &mut |_, _| {}).unwrap();
        assert_eq!(log(&store, &whole.session), whole.up_to(number));
    }
}
