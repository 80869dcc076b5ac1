//! Collects the rows of a log into one page: dense positions, a byte limit, and an explicit error for what is damaged.

use highwater_protocol::{LogPos, SessionId};

use crate::error::StoreError;
use crate::record;
use crate::store::{Page, PageLimit};

/// A page in the making. Rows are offered in order; a log's rows below its head must be there without gaps.
pub(crate) struct PageInProgress<'a> {
    session: &'a SessionId,
    next: LogPos,
    head: LogPos,
    bytes_left: usize,
    page: Page,
}

impl<'a> PageInProgress<'a> {
    /// An empty page of the log from `from` on, which ends at `head`.
    pub(crate) fn new(
        session: &'a SessionId,
        from: LogPos,
        head: LogPos,
        limit: PageLimit,
    ) -> Self {
        Self { session, next: from, head, bytes_left: limit.bytes, page: Page::default() }
    }

    /// Takes the row at `at`, unless the page is full. Says whether more may be offered.
    pub(crate) fn offer(&mut self, at: LogPos, bytes: &[u8]) -> Result<bool, StoreError> {
        if at != self.next {
            return self.damaged("the record is missing");
        }
        let first = self.page.records.is_empty();
        if !first && bytes.len() > self.bytes_left {
            self.page.next = Some(at);
            return Ok(false);
        }
        match record::decode(bytes) {
            Ok(record) => {
                self.page.records.push((at, record));
                self.bytes_left = self.bytes_left.saturating_sub(bytes.len());
                self.next = at.advance(1);
                Ok(true)
            }
            Err(error) => self.damaged(error.to_string()),
        }
    }

    /// The page, after the last row of the log was offered or a row was not taken.
    pub(crate) fn finish(mut self) -> Result<Page, StoreError> {
        if self.page.next.is_none() && self.next < self.head {
            self.damaged("the record is missing")?;
        }
        Ok(self.page)
    }

    /// Damage ends a page that already holds records, so that what stands before it can be read. It is the error of
    /// the page that starts with it.
    fn damaged(&mut self, why: impl Into<String>) -> Result<bool, StoreError> {
        if self.page.records.is_empty() {
            let (session, at) = (self.session.clone(), self.next);
            return Err(StoreError::Damaged { session, at, why: why.into() });
        }
        self.page.next = Some(self.next);
        Ok(false)
    }
}
