//! How sessions are run, kept once for those that are run alike: an idle session costs a pointer to it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use highwater_protocol::session::SessionConfig;

/// So many are looked through for one that is the same: a host has a few kinds of agents, and one that has more gives each
/// session its own.
const KEPT: usize = 16;

/// Those that were asked for last.
#[derive(Debug, Default)]
pub(crate) struct Configs(Mutex<VecDeque<Arc<SessionConfig>>>);

impl Configs {
    /// One that says the same, shared with whoever asked for it lately.
    pub(crate) fn shared(&self, config: SessionConfig) -> Arc<SessionConfig> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().rposition(|known| **known == config);
        let found = known.and_then(|at| kept.remove(at)).unwrap_or_else(|| Arc::new(config));
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(&found));
        found
    }
}

#[cfg(test)]
mod tests {
    use highwater_protocol::{Budget, Format, TokenCount};

    use super::*;

    fn config(window: u64) -> SessionConfig {
        let budget = Budget::of_window(TokenCount(window)).expect("a legal window");
        SessionConfig::new(budget, Format::Anthropic)
    }

    #[test]
    fn equal_ones_are_kept_once_however_many_others_come_between() {
        let configs = Configs::default();
        let first = configs.shared(config(100_000));
        for other in 0..100 {
            let unlike = configs.shared(config(200_000 + other));
            assert_eq!(*unlike, config(200_000 + other));
            assert!(Arc::ptr_eq(&first, &configs.shared(config(100_000))));
        }
        assert_eq!(configs.0.lock().expect("no test dies").len(), KEPT);
    }
}
