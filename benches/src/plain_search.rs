//! The rival of our search: plain tantivy, with the two filters that it offers for a network.
//!
//! *Hits filtered afterwards* runs on the snapshot's own index, and looks up each hit of the term
//! in the network.
//!
//! *A set of ids* needs the ids as terms, which the snapshot's index does not have. It runs on an
//! index of its own. That one has the same words of the same fields in the same order, and each
//! document's node as a term.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use cloud_engine::{NodeIndex, View};
use cloud_search::{BASE_INDEX_NAME, PROFILES_NAME, ProfileFile, for_each_value, tokens};
use tantivy::{
    Index, ReloadPolicy, Searcher, TantivyDocument,
    collector::{Count, TopDocs},
    directory::MmapDirectory,
    query::{BooleanQuery, ConstScoreQuery, Occur, Query, TermQuery, TermSetQuery},
    schema::{INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions},
};

use crate::{
    nearest::{Nearest, NearestHits},
    outcome::Outcome,
    setting::Setting,
    site::Site,
    terms::{FIELDS, Term},
};

/// The field of nodes, in the index that has one.
const NODE_FIELD: &str = "node";
/// The memory for writing that index. It becomes one segment, whatever the value.
const WRITER_BYTES: usize = 1 << 30;
/// The hits of a page.
const LIMIT: usize = 10;

/// Both indexes.
pub struct PlainSearch {
    base: Searcher,
    with_ids: Searcher,
}

/// Opens the index of a snapshot with tantivy itself.
pub fn open_base(site: &Site) -> Outcome<Searcher> {
    open(&site.snapshot().join(BASE_INDEX_NAME))
}

impl PlainSearch {
    /// Opens both indexes. Builds the one with ids first, if it does not exist.
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

    /// Looks up the degree of every hit of the term.
    pub fn filtered_afterwards(&self, term: &Term, view: &Arc<View>) -> Outcome<NearestHits> {
        Ok(self
            .base
            .search(&term_query(&self.base, term)?, &Nearest::new(view))?)
    }

    /// Searches for the term and one of these ids.
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

    /// Searches everyone who has both terms. Returns the number of the best ten by score, and of
    /// all.
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
