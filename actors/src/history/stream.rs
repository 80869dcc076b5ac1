//! A stream over a range of a session's history that never holds more than a page.

use std::collections::VecDeque;
use std::sync::Arc;

use highwater_protocol::{Entry, Error, Seq, SeqRange};

use super::{Gap, History, HistoryPage, Order};

/// Entries of a session, one after another. Dropping it ends the reading; nothing is held between two calls but what is
/// left of a page.
pub struct HistoryStream {
    history: History,
    order: Order,
    rest: Option<SeqRange>,
    page_bytes: usize,
    entries: VecDeque<(Seq, Arc<Entry>)>,
    gaps: VecDeque<Gap>,
}

/// What a stream hands over.
#[derive(Clone, Debug)]
pub enum Item {
    /// An entry.
    Entry(Seq, Arc<Entry>),
    /// Entries that cannot be read.
    Gap(Gap),
}

impl HistoryStream {
    pub(crate) fn new(history: History, range: SeqRange, order: Order, page_bytes: usize) -> Self {
        let (entries, gaps) = (VecDeque::new(), VecDeque::new());
        Self { history, order, rest: Some(range), page_bytes, entries, gaps }
    }

    /// The next entry or gap in the order of reading; `None` at the end of the range or of the session, as it stands when
    /// that is reached. Dropping the future loses nothing. After an error the same place can be tried again.
    ///
    /// # Errors
    /// Those of [`History`].
    pub async fn next(&mut self) -> Result<Option<Item>, Error> {
        loop {
            if let Some(item) = self.take() {
                return Ok(Some(item));
            }
            let Some(range) = self.rest else {
                return Ok(None);
            };
            let page = self.history.page(range, self.order, self.page_bytes).await?;
            let HistoryPage { entries, gaps, rest } = page;
            (self.entries, self.gaps, self.rest) = (entries.into(), gaps.into(), rest);
        }
    }

    /// What comes next of the page: a gap stands where its numbers do.
    fn take(&mut self) -> Option<Item> {
        let gap_is_next = match (self.gaps.front(), self.entries.front()) {
            (Some(gap), Some((seq, _))) => match self.order {
                Order::OldestFirst => gap.entries.start < *seq,
                Order::NewestFirst => gap.entries.start > *seq,
            },
            (gap, _) => gap.is_some(),
        };
        if gap_is_next {
            return self.gaps.pop_front().map(Item::Gap);
        }
        self.entries.pop_front().map(|(seq, entry)| Item::Entry(seq, entry))
    }
}
