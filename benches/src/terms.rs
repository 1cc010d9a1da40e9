//! Terms for searches, of any frequency: as many rare ones as common ones.
//!
//! They come from the index itself. Frequencies are divided into octaves. An octave is drawn first,
//! then a term in it. A term that one member has is therefore as likely as one that every tenth
//! member has.

use std::collections::BTreeMap;

use cloud_search::Field;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use tantivy::Searcher;

use crate::outcome::Outcome;

/// The fields of the terms: those that people search.
pub const FIELDS: [Field; 4] = [Field::Headline, Field::Title, Field::Company, Field::Skill];

/// A word in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The field.
    pub field: Field,
    /// A token of the index, of the letters a to z only.
    pub word: String,
    /// The number of members who have it.
    pub members: u32,
}

/// All terms of an index, by octaves of frequency.
#[derive(Clone, Debug)]
pub struct Terms {
    octaves: BTreeMap<u32, Vec<Term>>,
}

impl Term {
    /// Formats the term as a query of The Cloud.
    pub fn query(&self) -> String {
        format!("{}:{}", self.field.name(), self.word)
    }
}

impl Terms {
    /// Reads the terms of an index of one segment.
    pub fn read(searcher: &Searcher) -> Outcome<Self> {
        let segment = searcher
            .segment_readers()
            .first()
            .ok_or("the index is empty")?;
        let mut octaves: BTreeMap<u32, Vec<Term>> = BTreeMap::new();
        for field in FIELDS {
            let index = segment.inverted_index(searcher.schema().get_field(field.name())?)?;
            let mut terms = index.terms().stream()?;
            while terms.advance() {
                let members = terms.value().doc_freq;
                if !terms.key().iter().all(u8::is_ascii_lowercase) || members == 0 {
                    continue;
                }
                let word = String::from_utf8_lossy(terms.key()).into_owned();
                octaves.entry(members.ilog2()).or_default().push(Term {
                    field,
                    word,
                    members,
                });
            }
        }
        if octaves.is_empty() {
            return Err("the index has no terms".into());
        }
        Ok(Self { octaves })
    }

    /// Draws a term.
    pub fn draw(&self, random: &mut ChaCha8Rng) -> Outcome<&Term> {
        self.draw_from(0, random)
    }

    /// Draws a term that at least `members_min` members have.
    pub fn draw_common(&self, members_min: u32, random: &mut ChaCha8Rng) -> Outcome<&Term> {
        self.draw_from(members_min.max(1).ilog2(), random)
    }

    /// Returns the terms that at least `least` and at most `most` members have.
    pub fn between(&self, least: u32, most: u32) -> impl Iterator<Item = &Term> {
        self.octaves
            .values()
            .flatten()
            .filter(move |term| (least..=most).contains(&term.members))
    }

    fn draw_from(&self, octave_min: u32, random: &mut ChaCha8Rng) -> Outcome<&Term> {
        let octaves: Vec<&Vec<Term>> = self
            .octaves
            .range(octave_min..)
            .map(|(_, terms)| terms)
            .collect();
        let term = octaves
            .choose(random)
            .and_then(|terms| terms.choose(random));
        term.ok_or_else(|| "no term is common enough".into())
    }
}
