//! The identity of a base's content, in 128 bits: the lineage. The same input has the same lineage,
//! whichever program built it.
//!
//! Each section (member ids, offsets, targets, times, profiles) is hashed by itself, so sections
//! can be written in any order or in parallel. The lineage is the first half of BLAKE3 over the
//! sections' names and digests, in name order.

use std::collections::BTreeMap;

use zerocopy::IntoBytes;

use crate::base::csr::GraphContent;
use cloud_model::LineageId;

/// The BLAKE3 hash of one section's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentDigest([u8; 32]);

/// Hashes one section while it is written.
#[derive(Clone, Debug, Default)]
pub struct ContentHasher(blake3::Hasher);

impl ContentHasher {
    /// Starts a hash of no bytes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends these bytes to the content.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest of all bytes so far.
    #[must_use]
    pub fn finish(&self) -> ContentDigest {
        ContentDigest(*self.0.finalize().as_bytes())
    }
}

impl ContentDigest {
    /// Returns the digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

/// Computes a lineage from the digests of its sections.
#[derive(Clone, Debug, Default)]
pub struct LineageHasher {
    sections: BTreeMap<String, ContentDigest>,
}

impl LineageHasher {
    /// Starts a lineage without sections.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the digest of the section `name`. A second section of the same name replaces the first.
    pub fn section(&mut self, name: &str, digest: ContentDigest) {
        self.sections.insert(name.to_owned(), digest);
    }

    /// Adds the sections of a graph: `member_ids`, `offsets`, `targets` and `times`, as
    /// little-endian numbers.
    pub fn graph(&mut self, content: &GraphContent<'_>) {
        self.section(
            "member_ids",
            ContentDigest::of(content.member_ids.as_bytes()),
        );
        self.section("offsets", ContentDigest::of(content.offsets.as_bytes()));
        self.section("targets", ContentDigest::of(content.targets.as_bytes()));
        self.section("times", ContentDigest::of(content.times.as_bytes()));
    }

    /// Returns the lineage of all sections.
    #[must_use]
    pub fn finish(&self) -> LineageId {
        let mut hasher = blake3::Hasher::new();
        for (name, digest) in &self.sections {
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
            hasher.update(&digest.0);
        }
        let mut half = [0; 16];
        half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        LineageId::new(u128::from_be_bytes(half))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_but_content_and_names_do() {
        let lineage = |sections: &[(&str, &str)]| {
            let mut hasher = LineageHasher::new();
            for (name, content) in sections {
                hasher.section(name, ContentDigest::of(content.as_bytes()));
            }
            hasher.finish()
        };
        assert_eq!(
            lineage(&[("a", "1"), ("b", "2")]),
            lineage(&[("b", "2"), ("a", "1")])
        );
        assert_ne!(
            lineage(&[("a", "1"), ("b", "2")]),
            lineage(&[("a", "2"), ("b", "1")])
        );
        assert_ne!(lineage(&[("a", "1")]), lineage(&[("b", "1")]));
    }

    #[test]
    fn content_may_come_in_pieces() {
        let mut hasher = ContentHasher::new();
        hasher.update(b"ab");
        hasher.update(b"c");
        assert_eq!(hasher.finish(), ContentDigest::of(b"abc"));
    }
}
