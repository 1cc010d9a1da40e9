//! The word lists that are compiled in, and the reader of their lines.
//!
//! A list consists of `[section] header` lines, each followed by `key rest` lines. An unknown line
//! reads as empty; tests check that every section is complete.

/// A section of a list.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: &'static str,
    /// The text after the section's name.
    pub(super) header: &'static str,
    lines: Vec<(&'static str, &'static str)>,
}

/// Returns the lines without empty ones and comments.
pub(super) fn content_lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Returns the sections of a list. Lines before the first one belong to a section without a name.
pub(super) fn sections(text: &'static str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in content_lines(text) {
        let heading = line.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        if heading.is_some() || sections.is_empty() {
            let (name, header) = heading.unwrap_or_default();
            sections.push(Section {
                name,
                header: header.trim(),
                lines: Vec::new(),
            });
        }
        if let (None, Some(section)) = (heading, sections.last_mut()) {
            section
                .lines
                .push(line.split_once(' ').unwrap_or((line, "")));
        }
    }
    sections
}

impl Section {
    /// Returns the rest of the first line with this key.
    pub(super) fn line(&self, key: &str) -> &'static str {
        self.every_line(key).next().unwrap_or_default()
    }

    /// Returns the rest of every line with this key.
    pub(super) fn every_line<'a>(
        &'a self,
        key: &'a str,
    ) -> impl Iterator<Item = &'static str> + 'a {
        self.lines
            .iter()
            .filter(move |line| line.0 == key)
            .map(|line| line.1)
    }

    /// Returns the entries of the first line with this key, which semicolons separate.
    pub(super) fn entries(&self, key: &str) -> Vec<&'static str> {
        self.line(key)
            .split(';')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .collect()
    }

    /// Returns the words of the first line with this key.
    pub(super) fn words(&self, key: &str) -> Vec<&'static str> {
        self.line(key).split_whitespace().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_has_its_lines() {
        let sections =
            sections("# comment\n[one] 3\nwords a b\nentries c d; e\n\n[two]\nwords f\n");
        assert_eq!(sections.len(), 2);
        assert_eq!((sections[0].name, sections[0].header), ("one", "3"));
        assert_eq!(sections[0].words("words"), ["a", "b"]);
        assert_eq!(sections[0].entries("entries"), ["c d", "e"]);
        assert!(sections[1].words("entries").is_empty());
    }
}
