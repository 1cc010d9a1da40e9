//! Searching: the members of a network who match a query.
//!
//! Over the base, whose document numbers are nodes, network and query walk together, each jumping to where the other
//! stands, when the view alone names the nodes asked for; else every match is asked where it stands. Live segments are small:
//! there every match is looked up in the network. All matches are counted; only those that may be among the first hits are
//! scored, and only those of them that stand beyond the view are asked for their connections.

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
    /// Nearest first, then most relevant, then by member id.
    pub hits: Vec<Hit>,
    /// Exact: how many members match, on this page or not.
    pub total: u64,
    /// What to continue after; `None` on the last page.
    pub next: Option<SortKey>,
}

/// A member who matches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// The node.
    pub node: NodeIndex,
    /// The member.
    pub member: MemberId,
    /// How near.
    pub degree: Degree,
    /// BM25, with the base's statistics.
    pub score: f32,
}

/// A search without an answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The caller's `stop` said so.
    #[error("stopped at its deadline")]
    Stopped,
    /// Graph and index are not at one SCN.
    #[error(
        "the graph is at SCN {graph}, where what is published (up to SCN {published}) does not hold"
    )]
    OutOfStep {
        /// The graph's.
        graph: Scn,
        /// The newest at which the index is known to hold.
        published: Scn,
    },
    /// The index could not be read.
    #[error("the index cannot be read: {0}")]
    Index(#[from] tantivy::TantivyError),
}

/// Finds the members of a network who match a query: the first `limit` after `after`, and how many there are in all.
///
/// # Errors
/// When `stop` says so (asked every few thousand steps), or graph and index are not at one SCN: take what is published
/// first, then the graph at its SCN.
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

    /// A member matches the query, and stands where the cursor does.
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
                // Counted either way, so that only one who may be among the first need be asked.
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
