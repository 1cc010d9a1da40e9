//! The searches of a run: a word in a viewer's network, and the right number of members who have
//! it.

use std::sync::Arc;

use cloud_engine::{Budget, Degree, Graph, Scratch, View};
use cloud_model::{LogId, MemberId};
use cloud_proto::cloud::v1 as cloud;
use cloud_search::{Degrees, Network, Page, ProfileStore, Published, Query, search};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use crate::channels::Channels;
use crate::data::ServerFolder;
use crate::outcome::{Outcome, check_equal};
use crate::setting::Setting;
use crate::site::Site;
use crate::terms::{Term, Terms};

/// The viewers who search.
const VIEWERS: usize = 1_000;
/// The hits of a page.
pub const PAGE_SIZE: usize = 10;
/// The id of the log, which does not exist: nothing is published in this process.
const LOG: u128 = 1;

/// A search of one viewer.
#[derive(Clone, Debug)]
pub struct SearchQuestion {
    /// The viewer's id.
    pub viewer_id: u64,
    /// The viewer's warm view.
    pub view: Arc<View>,
    /// The term that the viewer searches for.
    pub term: Term,
    /// The number of members at 1st and 2nd degree who have the term.
    pub total: u64,
}

/// The engine and the search in this process, set up as in the server.
pub struct Searching {
    published: Arc<Published>,
    graph: Graph,
    _live: ServerFolder,
}

impl Searching {
    /// Opens the site's snapshot.
    pub fn open(setting: &Setting) -> Outcome<Self> {
        Self::at(setting.site()?, setting.data().scratch_folder("live")?)
    }

    /// Opens a snapshot of the site. `live` is the folder of the files that a server keeps beside
    /// it.
    pub fn at(site: &Site, live: ServerFolder) -> Outcome<Self> {
        let (people, _) = ProfileStore::open(
            site.snapshot(),
            site.manifest(),
            live.path(),
            LogId::new(LOG),
        )?;
        Ok(Self {
            published: people.published(),
            graph: site.graph().clone(),
            _live: live,
        })
    }

    /// Returns the first page of the members at these degrees who match.
    pub fn search(&self, query: &str, view: &Arc<View>, degrees: &[Degree]) -> Outcome<Page> {
        let query = Query::parse(query)?;
        let (degrees, view, graph) = (Degrees::of(degrees), view.clone(), self.graph.clone());
        let network = Network {
            degrees,
            view,
            graph,
        };
        let page = search(&self.published, &query, &network, PAGE_SIZE, None, &|| {
            false
        })?;
        check_equal(
            || "hits of a first page".to_owned(),
            page.total.min(PAGE_SIZE as u64),
            page.hits.len() as u64,
        )?;
        Ok(page)
    }

    /// Searches the 1st and 2nd degree.
    pub fn search_network(&self, query: &str, view: &Arc<View>) -> Outcome<Page> {
        self.search(query, view, &[Degree::First, Degree::Second])
    }

    /// Draws `count` searches of 1,000 viewers in turn.
    pub fn draw(
        &self,
        setting: &Setting,
        terms: &Terms,
        count: usize,
    ) -> Outcome<Vec<SearchQuestion>> {
        let mut random = ChaCha8Rng::seed_from_u64(setting.options().seed);
        let mut scratch = Scratch::new();
        let viewers = setting.questions()?.iter().take(VIEWERS).map(|question| {
            let viewer = MemberId::new(question.viewer_id)
                .and_then(|viewer| self.graph.node(viewer))
                .ok_or("a viewer is not in the graph")?;
            let view = View::build(&self.graph, viewer, &mut scratch, &mut Budget::unlimited())?;
            Ok((question.viewer_id, Arc::new(view)))
        });
        let viewers: Vec<(u64, Arc<View>)> = viewers.collect::<Outcome<_>>()?;
        let asked = viewers.iter().cycle().take(count);
        asked
            .map(|(viewer_id, view)| {
                let term = terms.draw(&mut random)?.clone();
                let total = self.search_network(&term.query(), view)?.total;
                Ok(SearchQuestion {
                    viewer_id: *viewer_id,
                    view: view.clone(),
                    term,
                    total,
                })
            })
            .collect()
    }
}

/// Calls SearchMembers for the 1st and 2nd degree, and returns the total.
pub async fn search_members(
    channels: &Channels,
    number: u64,
    question: &SearchQuestion,
) -> Outcome<u64> {
    let request = cloud::SearchMembersRequest {
        viewer_id: question.viewer_id,
        query: question.term.query(),
        degrees: vec![cloud::Degree::First.into(), cloud::Degree::Second.into()],
        page_size: PAGE_SIZE as u32,
        ..Default::default()
    };
    let answer = channels.client(number).call(request).await?;
    let hits = answer.hits.len() as u64;
    check_equal(
        || "hits of a first page".to_owned(),
        answer.total.min(PAGE_SIZE as u64),
        hits,
    )?;
    Ok(answer.total)
}
