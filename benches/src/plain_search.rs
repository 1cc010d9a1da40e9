//! The rival: plain tantivy, asked for the same members in the two ways that it offers.
//!
//! *Hits filtered afterwards* runs on the snapshot's own index: every hit of the term is asked whether it is in the network.
//! *A set of ids* needs the ids as terms, which the snapshot's index has no use for: an index of its own is made, with the
//! same words of the same fields in the same order, and each document's node as a term.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cloud_engine::{NodeIndex, View};
use cloud_search::{BASE_INDEX_NAME, PROFILES_NAME, ProfileFile, for_each_value, tokens};
use tantivy::collector::{Count, TopDocs};
use tantivy::directory::MmapDirectory;
use tantivy::query::{BooleanQuery, ConstScoreQuery, Occur, Query, TermQuery, TermSetQuery};
use tantivy::schema::{INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::{Index, ReloadPolicy, Searcher, TantivyDocument};

use crate::nearest::{Nearest, NearestHits};
use crate::outcome::Outcome;
use crate::setting::Setting;
use crate::site::Site;
use crate::terms::{FIELDS, Term};

/// The field of nodes, in the index that has one.
const NODE_FIELD: &str = "node";
/// Memory for writing that index; it is one segment, whatever this says.
const WRITER_BYTES: usize = 1 << 30;
/// Hits of a page.
const LIMIT: usize = 10;

/// Both indexes.
pub struct PlainSearch {
    base: Searcher,
    with_ids: Searcher,
}

/// The index of a snapshot, opened by tantivy itself.
pub fn open_base(site: &Site) -> Outcome<Searcher> {
    open(&site.snapshot().join(BASE_INDEX_NAME))
}

impl PlainSearch {
    /// Opens both, after making the one with ids if it is not there.
    pub fn open(setting: &Setting) -> Outcome<Self> {
        let site = setting.site()?;
        let name = format!("index-with-ids-{}", site.manifest().lineage_id);
        let folder = setting
            .data()
            .part(&name, |folder| write_with_ids(site, &folder.join("index")))?;
        Ok(Self {
            base: open_base(site)?,
            with_ids: open(&folder.join("index"))?,
        })
    }

    /// Every hit of the term is asked for its degree.
    pub fn filtered_afterwards(&self, term: &Term, view: &Arc<View>) -> Outcome<NearestHits> {
        Ok(self
            .base
            .search(&term_query(&self.base, term)?, &Nearest::new(view))?)
    }

    /// The term, and one of these ids.
    pub fn set_of_ids(&self, term: &Term, view: &Arc<View>) -> Outcome<NearestHits> {
        let field = self.with_ids.schema().get_field(NODE_FIELD)?;
        let nodes = view.first().iter().chain(view.second());
        let ids = TermSetQuery::new(
            nodes.map(|node| tantivy::Term::from_field_u64(field, u64::from(node))),
        );
        let query = BooleanQuery::new(vec![
            (
                Occur::Must,
                Box::new(term_query(&self.with_ids, term)?) as Box<dyn Query>,
            ),
            (
                Occur::Must,
                Box::new(ConstScoreQuery::new(Box::new(ids), 0.0)),
            ),
        ]);
        Ok(self.with_ids.search(&query, &Nearest::new(view))?)
    }

    /// Everyone who has both terms: the best ten by score, and how many there are.
    pub fn everyone(&self, one: &Term, other: &Term) -> Outcome<(usize, u64)> {
        let both = [one, other].map(|term| {
            let query = term_query(&self.base, term)?;
            Ok((Occur::Must, Box::new(query) as Box<dyn Query>))
        });
        let query = BooleanQuery::new(both.into_iter().collect::<Outcome<_>>()?);
        let (top, count) = self.base.search(
            &query,
            &(TopDocs::with_limit(LIMIT).order_by_score(), Count),
        )?;
        Ok((top.len(), count as u64))
    }
}

fn term_query(searcher: &Searcher, term: &Term) -> Outcome<TermQuery> {
    let field = searcher.schema().get_field(term.field.name())?;
    Ok(TermQuery::new(
        tantivy::Term::from_field_text(field, &term.word),
        IndexRecordOption::WithFreqs,
    ))
}

fn open(folder: &Path) -> Outcome<Searcher> {
    let reader = Index::open_in_dir(folder)?
        .reader_builder()
        .reload_policy(ReloadPolicy::Manual)
        .try_into()?;
    Ok(reader.searcher())
}

fn write_with_ids(site: &Site, folder: &PathBuf) -> Outcome<()> {
    fs::create_dir_all(folder)?;
    let profiles = ProfileFile::open(
        &site.snapshot().join(PROFILES_NAME),
        site.manifest().lineage_id,
    )?;
    let mut schema = Schema::builder();
    let indexing = TextFieldIndexing::default()
        .set_tokenizer("whitespace")
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let text = TextOptions::default().set_indexing_options(indexing);
    let fields = FIELDS.map(|field| (field, schema.add_text_field(field.name(), text.clone())));
    let node_field = schema.add_u64_field(NODE_FIELD, INDEXED);
    let directory = MmapDirectory::open(folder)?;
    let mut writer = Index::builder()
        .schema(schema.build())
        .single_segment_index_writer(directory, WRITER_BYTES)?;
    for node in site.graph().nodes() {
        let mut document = TantivyDocument::new();
        let member_id = site.graph().member(node).get();
        if let Some(profile) = profiles.profile(NodeIndex::new(node.get()), member_id)? {
            for_each_value(&profile, |field, value| {
                if let Some(&(_, field)) = fields.iter().find(|(known, _)| *known == field) {
                    document.add_text(field, tokens(value).join(" "));
                }
            });
        }
        document.add_u64(node_field, u64::from(node.get()));
        writer.add_document(document)?;
    }
    writer.finalize()?;
    Ok(())
}
