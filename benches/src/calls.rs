//! The measured calls. Each checks its answer: a wrong, truncated or incomplete one ends the
//! measurement.

use std::sync::Arc;

use cloud_proto::cloud::v1 as cloud;
use cloud_proto::databus::v1::AtLeast;

use crate::channels::Channels;
use crate::outcome::{Outcome, WrongAnswer, check_equal};
use crate::questions::{Question, Target};

/// The maximum number of paths that ListPaths names.
const PATHS: u32 = 10;

/// The channels and the questions of a measurement's calls.
#[derive(Clone, Debug)]
pub struct Calls {
    channels: Channels,
    questions: Arc<[Question]>,
    is_changing: bool,
}

impl Calls {
    /// Creates calls to a graph that does not change: every answer is compared with the right one.
    pub fn new(channels: Channels, questions: Arc<[Question]>) -> Arc<Self> {
        Arc::new(Self {
            channels,
            questions,
            is_changing: false,
        })
    }

    /// Returns the same calls for a graph that changes: answers need only be complete.
    #[must_use]
    pub fn while_it_changes(&self) -> Arc<Self> {
        Arc::new(Self {
            is_changing: true,
            ..self.clone()
        })
    }

    /// Returns one kind of call in the form of the loops: a function of the call's number.
    pub fn each<F, C>(
        self: &Arc<Self>,
        call: C,
    ) -> impl Fn(u64) -> F + Clone + Send + Sync + 'static
    where
        C: Fn(Arc<Self>, u64) -> F + Clone + Send + Sync + 'static,
    {
        let calls = self.clone();
        move |number| call(calls.clone(), number)
    }

    /// Returns the channels.
    pub fn channels(&self) -> &Channels {
        &self.channels
    }

    /// Returns the number of different questions.
    pub fn question_count(&self) -> u64 {
        self.questions.len() as u64
    }

    /// Calls GetDegrees for this number of members.
    pub async fn degrees(&self, number: u64, members: usize) -> Outcome<()> {
        let question = self.question(number)?;
        let targets = question.targets.get(..members).unwrap_or(&question.targets);
        let request = cloud::GetDegreesRequest {
            member_ids: ids(targets),
            ..self.degrees_request(question)
        };
        let answer = self.channels.client(number).call(request).await?;
        self.check_degrees(question, targets, &answer.degrees)
    }

    /// Calls GetDegrees for one member, with a path to that member.
    pub async fn path(&self, number: u64) -> Outcome<()> {
        let question = self.question(number)?;
        let target = one_of(&question.targets, number)?;
        let request = cloud::GetDegreesRequest {
            member_ids: vec![target.id],
            path: true,
            ..self.degrees_request(question)
        };
        let answer = self.channels.client(number).call(request).await?;
        self.check_degrees(question, &[*target], &answer.degrees)?;
        let members = match target.wire_degree() {
            cloud::Degree::Self_ => 1,
            cloud::Degree::First => 2,
            cloud::Degree::Second => 3,
            cloud::Degree::Third => 4,
            _ => 0,
        };
        let path = answer.degrees.first().map(|answer| answer.path.len());
        self.check(
            || format!("a path from {} to {}", question.viewer_id, target.id),
            Some(members),
            path,
        )
    }

    /// Calls ListSharedConnections for one member: the total and the first page.
    pub async fn shared(&self, number: u64) -> Outcome<()> {
        let question = self.question(number)?;
        let target = one_of(&question.targets, number)?;
        let request = cloud::ListSharedConnectionsRequest {
            viewer_id: question.viewer_id,
            member_id: target.id,
            ..Default::default()
        };
        let answer = self.channels.client(number).call(request).await?;
        let is_whole = answer.next_page_token.is_empty();
        let what = || {
            format!(
                "shared connections of {} and {}",
                question.viewer_id, target.id
            )
        };
        check_equal(
            what,
            answer.total == answer.member_ids.len() as u64,
            is_whole,
        )?;
        match target.wire_degree() {
            cloud::Degree::Second => self.check(what, true, answer.total > 0),
            cloud::Degree::Third | cloud::Degree::OutOfNetwork => self.check(what, 0, answer.total),
            _ => Ok(()),
        }
    }

    /// Calls ListConnections, newest first: the total and the first page.
    pub async fn connections(&self, number: u64) -> Outcome<()> {
        let question = self.question(number)?;
        let request = cloud::ListConnectionsRequest {
            anonymous: true,
            member_id: question.viewer_id,
            ..Default::default()
        };
        let answer = self.channels.client(number).call(request).await?;
        let is_whole = answer.next_page_token.is_empty();
        let what = || format!("connections of {}", question.viewer_id);
        check_equal(
            what,
            answer.total == answer.connections.len() as u64,
            is_whole,
        )
    }

    /// Calls GetNetworkSizes.
    pub async fn sizes(&self, number: u64, third: bool) -> Outcome<()> {
        let viewer_id = self.question(number)?.viewer_id;
        self.sizes_of(number, viewer_id, third).await
    }

    /// Calls GetNetworkSizes for a given viewer.
    pub async fn sizes_of(&self, number: u64, viewer_id: u64, third: bool) -> Outcome<()> {
        let request = cloud::GetNetworkSizesRequest {
            viewer_id,
            third,
            ..Default::default()
        };
        let answer = self.channels.client(number).call(request).await?;
        let got = (answer.first > 0, answer.third.is_some());
        check_equal(
            || format!("network sizes of {viewer_id}"),
            (true, third),
            got,
        )
    }

    /// Calls ListNetwork for one degree: the total and the first page.
    pub async fn network(&self, number: u64, degree: cloud::Degree) -> Outcome<()> {
        let viewer_id = self.question(number)?.viewer_id;
        let request = cloud::ListNetworkRequest {
            viewer_id,
            degree: degree.into(),
            ..Default::default()
        };
        let answer = self.channels.client(number).call(request).await?;
        let is_whole = answer.next_page_token.is_empty();
        check_equal(
            || format!("members at {degree:?} of {viewer_id}"),
            answer.total == answer.member_ids.len() as u64,
            is_whole,
        )
    }

    /// Calls ListPaths to one member: the first of the shortest paths, and their number.
    pub async fn paths(&self, number: u64) -> Outcome<()> {
        let question = self.question(number)?;
        let target = one_of(&question.targets, number)?;
        let request = cloud::ListPathsRequest {
            viewer_id: question.viewer_id,
            member_id: target.id,
            limit: PATHS,
            ..Default::default()
        };
        let answer = self.channels.client(number).call(request).await?;
        let what = || format!("paths from {} to {}", question.viewer_id, target.id);
        let distance = match target.wire_degree() {
            cloud::Degree::Self_ => Some(0),
            cloud::Degree::First => Some(1),
            cloud::Degree::Second => Some(2),
            cloud::Degree::Third => Some(3),
            _ => None,
        };
        self.check(what, distance, answer.distance)?;
        let named = answer.total.min(PATHS.into());
        check_equal(what, named, answer.paths.len() as u64)
    }

    /// Calls SuggestConnections.
    pub async fn suggestions(&self, number: u64) -> Outcome<()> {
        let question = self.question(number)?;
        let request = cloud::SuggestConnectionsRequest {
            viewer_id: question.viewer_id,
            ..Default::default()
        };
        let answer = self.channels.client(number).call(request).await?;
        let has_second = question
            .targets
            .iter()
            .any(|target| target.wire_degree() == cloud::Degree::Second);
        let what = || format!("suggestions for {}", question.viewer_id);
        self.check(what, has_second, !answer.suggestions.is_empty())
    }

    /// Begins a session, requests one page of degrees, and ends the session.
    pub async fn session(&self, number: u64) -> Outcome<()> {
        let request = cloud::BeginSessionRequest {
            viewer_id: self.question(number)?.viewer_id,
            ..Default::default()
        };
        let client = self.channels.client(number);
        let session = client.call(request).await?.session;
        self.degrees(number, 25).await?;
        client.call(cloud::EndSessionRequest { session }).await?;
        Ok(())
    }

    /// Calls all methods of NetworkService, in a mix that resembles a web application's.
    pub async fn mixed(&self, number: u64) -> Outcome<()> {
        let question = number.wrapping_mul(7919);
        match number % 100 {
            0..40 => self.degrees(question, 25).await,
            40..60 => self.degrees(question, 100).await,
            60..70 => self.path(question).await,
            70..80 => self.shared(question).await,
            80..85 => self.connections(question).await,
            85..89 => self.sizes(question, false).await,
            89..91 => self.sizes(question, true).await,
            91..93 => self.network(question, cloud::Degree::First).await,
            93..95 => self.network(question, cloud::Degree::Second).await,
            95 => self.network(question, cloud::Degree::Third).await,
            96..98 => self.suggestions(question).await,
            98 => self.session(question).await,
            _ => self.paths(question).await,
        }
    }

    /// Returns the degree of one member, as of a point or later.
    pub async fn degree(
        &self,
        viewer_id: u64,
        member_id: u64,
        at_least: AtLeast,
    ) -> Outcome<cloud::Degree> {
        let request = cloud::GetDegreesRequest {
            viewer_id,
            member_ids: vec![member_id],
            at_least: Some(at_least),
            ..Default::default()
        };
        let answer = self.channels.client(0).call(request).await?;
        let degree = answer.degrees.first().map(cloud::MemberDegree::degree);
        degree.ok_or_else(|| format!("no degree of {member_id} for {viewer_id}").into())
    }

    fn question(&self, number: u64) -> Outcome<&Question> {
        let question = self
            .questions
            .get((number % self.question_count().max(1)) as usize);
        question.ok_or_else(|| "there are no questions".into())
    }

    fn degrees_request(&self, question: &Question) -> cloud::GetDegreesRequest {
        cloud::GetDegreesRequest {
            viewer_id: question.viewer_id,
            ..Default::default()
        }
    }

    fn check_degrees(
        &self,
        question: &Question,
        targets: &[Target],
        got: &[cloud::MemberDegree],
    ) -> Outcome<()> {
        let what = || format!("{} degrees for {}", targets.len(), question.viewer_id);
        check_equal(what, targets.len(), got.len())?;
        let right = |(target, got): (&Target, &cloud::MemberDegree)| {
            got.degree() == target.wire_degree()
                || (self.is_changing && got.degree() != cloud::Degree::Unknown)
        };
        match targets.iter().zip(got).find(|&pair| !right(pair)) {
            None => Ok(()),
            Some((target, got)) => Err(WrongAnswer {
                question: format!("the degree of {} for {}", target.id, question.viewer_id),
                wanted: format!("{:?}", target.wire_degree()),
                got: format!("{:?}", got.degree()),
            }
            .into()),
        }
    }

    fn check<T: PartialEq + std::fmt::Debug>(
        &self,
        what: impl FnOnce() -> String,
        wanted: T,
        got: T,
    ) -> Outcome<()> {
        if self.is_changing {
            Ok(())
        } else {
            check_equal(what, wanted, got)
        }
    }
}

fn ids(targets: &[Target]) -> Vec<u64> {
    targets.iter().map(|target| target.id).collect()
}

/// Returns one target, a different one for each number: so the degrees alternate.
fn one_of(targets: &[Target], number: u64) -> Outcome<&Target> {
    let target = targets.get((number % targets.len().max(1) as u64) as usize);
    target.ok_or_else(|| "a question without targets".into())
}
