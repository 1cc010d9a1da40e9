//! Search: finds the members of a network who match a query.
//!
//! In the base, document numbers are nodes. If the view alone names all requested nodes, network
//! and query walk the base together, each skipping to the other's position. Otherwise the walk
//! visits every match and looks up its degree.
//!
//! Live segments are small: there, every match is looked up in the network. All matches are
//! counted. Only those that may be among the first hits are scored. The degree of a match that the
//! view lacks takes a read of its connections. If both 3rd degree and out of network are requested,
//! only a possible first hit needs it.

use crate::{
    index::live_index::LiveSegment,
    published::Published,
    query::{
        cursor::{Cursor, Documents, TERMINATED},
        network::{Network, Standing},
        parse_tree::Query,
        plan::Plan,
        stop_check::StopCheck,
        top_hits::{SortKey, TopHits},
    },
};
use cloud_engine::{Degree, NodeIndex};
use cloud_model::{MemberId, Scn};

/// One page of hits.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The hits: nearest first, then by descending score, then by member id.
    pub hits: Vec<Hit>,
    /// The exact number of members who match, on this page or not.
    pub total: u64,
    /// The key after which the next page starts; `None` on the last page.
    pub next: Option<SortKey>,
}

/// A member who matches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// The member's node.
    pub node: NodeIndex,
    /// The member's id.
    pub member: MemberId,
    /// The member's degree.
    pub degree: Degree,
    /// The BM25 score, computed from the statistics of the base index.
    pub score: f32,
}

/// The reason why a search has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The caller's `stop` returned true.
    #[error("stopped at its deadline")]
    Stopped,
    /// Graph and index are not at one SCN.
    #[error("the search index is not valid at the graph's SCN {graph} (newest valid: {published})")]
    OutOfStep {
        /// The graph's SCN.
        graph: Scn,
        /// The newest SCN at which the index is known to be valid.
        published: Scn,
    },
    /// The index could not be read.
    #[error("the index cannot be read: {0}")]
    Index(#[from] tantivy::TantivyError),
}

/// Finds the members of a network who match a query. Returns the first `limit` after `after`, and
/// the number of all.
///
/// # Errors
/// If `stop` returns true (called every few thousand steps). Also if graph and index are not at one
/// SCN: load the published state first, then the graph at its SCN.
pub fn search(
    published: &Published,
    query: &Query,
    network: &Network,
    limit: usize,
    after: Option<&SortKey>,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Page, SearchError> {
    let graph = network.graph.scn();
    if !published.holds_at(graph) {
        return Err(SearchError::OutOfStep {
            graph,
            published: published.scn(),
        });
    }
    let plan = Plan::new(query.expression(), &published.base.index)?;
    let top = TopHits::new(limit, after.copied());
    let mut search = Search {
        published,
        network,
        stop_check: StopCheck::new(stop),
        total: 0,
        top,
    };
    search.base(&plan)?;
    for segment in published.live_segments.iter() {
        search.live(&plan, segment)?;
    }
    search.finish()
}

struct Search<'a> {
    published: &'a Published,
    network: &'a Network,
    stop_check: StopCheck<'a>,
    total: u64,
    top: TopHits,
}

impl Search<'_> {
    fn base(&mut self, plan: &Plan) -> tantivy::Result<()> {
        let documents = self.published.base.index.documents();
        let Some(mut cursor) = plan.cursor(documents, &mut self.stop_check)? else {
            return Ok(());
        };
        let mut nodes = self.network.nodes();
        let mut node = 0;
        loop {
            node = match &mut nodes {
                Some(nodes) => nodes.seek(node),
                None => node,
            };
            let document = cursor.seek(node, &mut self.stop_check);
            if document == TERMINATED || self.stop_check.step() {
                return Ok(());
            }
            if nodes.is_some() && document > node {
                node = document;
                continue;
            }
            if !self.published.superseded.contains(document) {
                self.matched(NodeIndex::new(document), &mut cursor);
            }
            node = document + 1;
        }
    }

    fn live(&mut self, plan: &Plan, segment: &LiveSegment) -> tantivy::Result<()> {
        let documents = Documents::Indexed(&segment.reader);
        let Some(mut cursor) = plan.cursor(documents, &mut self.stop_check)? else {
            return Ok(());
        };
        let mut document = cursor.document();
        while document != TERMINATED && !self.stop_check.step() {
            if let Some(node) = segment.node(document) {
                self.matched(node, &mut cursor);
            }
            document = cursor.seek(document + 1, &mut self.stop_check);
        }
        Ok(())
    }

    /// Counts a node that matches the query, if its degree is requested, and collects it as a hit.
    /// The cursor is at it.
    fn matched(&mut self, node: NodeIndex, cursor: &mut Cursor) {
        let degrees = self.network.degrees;
        let degree = match self.network.standing(node) {
            Standing::At(degree) if degrees.contains(degree) => degree,
            Standing::At(_) => return,
            Standing::Beyond if !self.network.graph.exists(node) => return,
            Standing::Beyond => match (
                degrees.contains(Degree::Third),
                degrees.contains(Degree::OutOfNetwork),
            ) {
                (false, false) => return,
                // Both degrees count, so only a node that may be among the first needs its degree.
                (true, true) => {
                    if !self.top.may_enter(Degree::Third, || cursor.score()) {
                        self.total += 1;
                        return;
                    }
                    self.network.degree_beyond(node, &mut self.stop_check)
                }
                _ => match self.network.degree_beyond(node, &mut self.stop_check) {
                    degree if degrees.contains(degree) => degree,
                    _ => return,
                },
            },
        };
        self.total += 1;
        if self.top.may_enter(degree, || cursor.score()) {
            let key = SortKey {
                degree,
                score: cursor.score(),
                member: self.network.graph.member(node),
            };
            self.top.offer(key, node);
        }
    }

    fn finish(self) -> Result<Page, SearchError> {
        if self.stop_check.is_stopped() {
            return Err(SearchError::Stopped);
        }
        let (best, more) = self.top.finish();
        let hit = |&(
            SortKey {
                degree,
                score,
                member,
            },
            node,
        ): &_| Hit {
            node,
            member,
            degree,
            score,
        };
        let next = best.last().map(|(key, _)| *key).filter(|_| more);
        Ok(Page {
            hits: best.iter().map(hit).collect(),
            total: self.total,
            next,
        })
    }
}
