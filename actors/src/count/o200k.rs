//! Exact counts by the vocabulary o200k, which `bpe-openai` brings along. The only module that names that crate.

use highwater_protocol::TokenCount;

use super::TokenCounter;

/// Counts by o200k. The first count of a process loads the vocabulary: some tens of milliseconds, and 70 MB of memory
/// that stay.
#[derive(Clone, Copy, Debug, Default)]
pub struct O200k;

impl TokenCounter for O200k {
    fn name(&self) -> &'static str {
        "o200k"
    }

    fn count(&self, text: &str) -> TokenCount {
        TokenCount(bpe_openai::o200k_base().count(text) as u64)
    }
}
