//! Requests a list in pages, up to a number of lines.

use cloud_client::Page;

/// The pages of a list, until enough lines have come.
pub(crate) struct Pages {
    wanted: usize,
    size_max: usize,
    token: Option<String>,
}

impl Pages {
    /// Creates the pages for `wanted` lines. `size_max` is the server's limit of a page.
    pub(crate) fn new(wanted: usize, size_max: usize) -> Self {
        Self {
            wanted,
            size_max,
            token: Some(String::new()),
        }
    }

    /// Returns the next page to request; `None` if there is no other, or enough lines have come.
    pub(crate) fn next(&mut self) -> Option<Page> {
        let size = u32::try_from(self.wanted.min(self.size_max))
            .ok()
            .filter(|&size| size > 0)?;
        Some(Page {
            size,
            token: self.token.take()?,
        })
    }

    /// Records the answer: its number of lines, and the token of the next page.
    pub(crate) fn came(&mut self, lines: usize, next_page_token: String) {
        self.wanted = self.wanted.saturating_sub(lines);
        self.token = (!next_page_token.is_empty()).then_some(next_page_token);
    }
}
