//! The handle for reads, on the public listener or on the admin listener.

use crate::{
    AnswerStream, Error, Point, RequestTo, Subscription,
    answer::whole,
    channel,
    channel::sized,
    limits,
    settings::{Settings, Side},
};
use cloud_proto::cloud::v1 as cloud;
use cloud_proto::cloud::v1::network_service_client::NetworkServiceClient;
use cloud_proto::cloud::v1::profile_service_client::ProfileServiceClient;
use cloud_proto::cloud::v1::search_service_client::SearchServiceClient;
use cloud_proto::databus::v1 as databus;
use cloud_proto::databus::v1::databus_client::DatabusClient;
use prost_types::FieldMask;
use std::time::Duration;
use tonic::transport::Channel;

/// A handle on a connection for reads, with the settings of the calls made through it.
///
/// The public listener of a graph server serves reads from the side of a member or a visitor. The
/// admin listener serves the same reads, also [from the site's own side](Client::as_site), and the
/// log. A relay serves the log on its public listener, and no other reads.
///
/// Cloning it is cheap, and so is deriving a handle with other settings.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) address: String,
    pub(crate) settings: Settings,
    pub(crate) network: NetworkServiceClient<Channel>,
    pub(crate) profiles: ProfileServiceClient<Channel>,
    pub(crate) search: SearchServiceClient<Channel>,
    pub(crate) log: DatabusClient<Channel>,
}

/// The optional parts of the answer of [`Client::degrees`] for each member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DegreesOptions {
    /// Whether to count the connections that the viewer and the member share.
    pub shared_count: bool,
    /// The number of shared connections to name, at most 10. Implies `shared_count`.
    pub shared_sample: u32,
    /// Whether to return one shortest path to the member.
    pub path: bool,
}

/// The size and the start of a page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The number of entries; 0 for the server's default.
    pub size: u32,
    /// The last answer's `next_page_token`; empty for the first page.
    pub token: String,
}

/// The paths that [`Client::paths`] looks for, and how many of them it returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathsOptions {
    /// The maximum length of a path, in connections; 0 for the server's default, 3.
    pub max_degree: u32,
    /// The maximum number of paths returned; 0 for the server's default.
    pub limit: u32,
}

/// The page of [`Client::suggestions`], and the members that it may hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SuggestionsOptions {
    /// The page.
    pub page: Page,
    /// The number of shared connections to name for each member, at most 10.
    pub shared_sample: u32,
    /// The members that are not suggested.
    pub exclude_ids: Vec<u64>,
    /// The only members that are suggested; if empty, all.
    pub include_ids: Vec<u64>,
}

/// The members that [`Client::search`] looks for, and which page of them it returns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchOptions {
    /// The degrees to search; if empty, all members but the viewer.
    pub degrees: Vec<cloud::Degree>,
    /// The page.
    pub page: Page,
}

impl Client {
    /// Connects to a listener, by `host:port` or a URI.
    pub async fn connect(address: impl Into<String>) -> Result<Self, Error> {
        let address = address.into();
        let channel = channel::connect(&address).await?;
        Ok(Self {
            network: sized!(NetworkServiceClient::new(channel.clone())),
            profiles: sized!(ProfileServiceClient::new(channel.clone())),
            search: sized!(SearchServiceClient::new(channel.clone())),
            log: sized!(DatabusClient::new(channel)),
            settings: Settings::default(),
            address,
        })
    }

    /// Returns a handle whose calls end after `timeout`, here and on the server.
    #[must_use]
    pub fn timeout(&self, timeout: Duration) -> Self {
        let mut client = self.clone();
        client.settings.timeout = Some(timeout);
        client
    }

    /// Returns a handle whose calls carry no deadline: the server's default ends them.
    #[must_use]
    pub fn without_timeout(&self) -> Self {
        let mut client = self.clone();
        client.settings.timeout = None;
        client
    }

    /// Returns a handle whose reads are answered as of `point` or later, or fail with
    /// [`Error::TryAgain`].
    #[must_use]
    pub fn at_least(&self, point: impl Into<Point>) -> Self {
        let mut client = self.clone();
        client.settings.at_least = Some(point.into().into_proto());
        client
    }

    /// Returns a handle that reads connections and profiles from the side of this member. Without
    /// it, a handle reads from the side of a visitor who is not logged in.
    #[must_use]
    pub fn as_viewer(&self, viewer_id: u64) -> Self {
        let mut client = self.clone();
        client.settings.side = Side::Viewer(viewer_id);
        client
    }

    /// Returns a handle that reads connections and profiles from the site's own side. Only the
    /// admin listener answers it.
    #[must_use]
    pub fn as_site(&self) -> Self {
        let mut client = self.clone();
        client.settings.side = Side::Site;
        client
    }

    /// Sends a request of this listener unchanged. The methods below build the request for the
    /// caller.
    ///
    /// # Errors
    ///
    /// [`Error`], by what the caller can do about it.
    pub async fn call<R: RequestTo<Self>>(&self, request: R) -> Result<R::Response, Error> {
        request.send(self).await
    }

    /// Returns the degree of each member from the viewer, in the order of the request.
    pub async fn degrees(
        &self,
        viewer_id: u64,
        member_ids: &[u64],
        options: DegreesOptions,
    ) -> Result<cloud::GetDegreesResponse, Error> {
        let request = cloud::GetDegreesRequest {
            viewer_id,
            member_ids: member_ids.to_vec(),
            shared_count: options.shared_count,
            shared_sample: options.shared_sample,
            path: options.path,
            at_least: None,
        };
        self.call(request).await
    }

    /// Returns the numbers of members at 1st and 2nd degree and, if `third`, at 3rd degree.
    pub async fn network_sizes(
        &self,
        viewer_id: u64,
        third: bool,
    ) -> Result<cloud::GetNetworkSizesResponse, Error> {
        let request = cloud::GetNetworkSizesRequest {
            viewer_id,
            third,
            at_least: None,
        };
        self.call(request).await
    }

    /// Returns a page of a member's connections.
    pub async fn connections(
        &self,
        member_id: u64,
        order: cloud::ConnectionOrder,
        page: Page,
    ) -> Result<cloud::ListConnectionsResponse, Error> {
        let (viewer_id, anonymous) = self.settings.side.fields();
        let request = cloud::ListConnectionsRequest {
            viewer_id,
            anonymous,
            member_id,
            order: order.into(),
            page_size: page.size,
            page_token: page.token,
            at_least: None,
        };
        self.call(request).await
    }

    /// Returns a page of the members connected to both, by id.
    pub async fn shared_connections(
        &self,
        viewer_id: u64,
        member_id: u64,
        page: Page,
    ) -> Result<cloud::ListSharedConnectionsResponse, Error> {
        let request = cloud::ListSharedConnectionsRequest {
            viewer_id,
            member_id,
            page_size: page.size,
            page_token: page.token,
            at_least: None,
        };
        self.call(request).await
    }

    /// Returns a page of the members at one degree of the viewer, by id.
    pub async fn network(
        &self,
        viewer_id: u64,
        degree: cloud::Degree,
        page: Page,
    ) -> Result<cloud::ListNetworkResponse, Error> {
        let request = cloud::ListNetworkRequest {
            viewer_id,
            degree: degree.into(),
            page_size: page.size,
            page_token: page.token,
            at_least: None,
        };
        self.call(request).await
    }

    /// Returns the shortest paths from the viewer to the member: their length, their number, and
    /// the first of them.
    pub async fn paths(
        &self,
        viewer_id: u64,
        member_id: u64,
        options: PathsOptions,
    ) -> Result<cloud::ListPathsResponse, Error> {
        let request = cloud::ListPathsRequest {
            viewer_id,
            member_id,
            max_degree: options.max_degree,
            limit: options.limit,
            at_least: None,
        };
        self.call(request).await
    }

    /// Returns a page of the members at 2nd degree who share the most connections with the viewer.
    pub async fn suggestions(
        &self,
        viewer_id: u64,
        options: SuggestionsOptions,
    ) -> Result<cloud::SuggestConnectionsResponse, Error> {
        let request = cloud::SuggestConnectionsRequest {
            viewer_id,
            page_size: options.page.size,
            page_token: options.page.token,
            shared_sample: options.shared_sample,
            exclude_ids: options.exclude_ids,
            include_ids: options.include_ids,
            at_least: None,
        };
        self.call(request).await
    }

    /// Returns the connections among some members, and when they were made if `connected_at`.
    pub async fn subgraph(
        &self,
        viewer_id: u64,
        member_ids: &[u64],
        connected_at: bool,
    ) -> Result<cloud::GetSubgraphResponse, Error> {
        let request = cloud::GetSubgraphRequest {
            viewer_id,
            member_ids: member_ids.to_vec(),
            connected_at,
            at_least: None,
        };
        self.call(request).await
    }

    /// Streams all of a member's connections.
    pub async fn stream_connections(
        &self,
        member_id: u64,
        order: cloud::ConnectionOrder,
    ) -> Result<AnswerStream<cloud::StreamConnectionsResponse>, Error> {
        let (viewer_id, anonymous) = self.settings.side.fields();
        let request = cloud::StreamConnectionsRequest {
            member_id,
            order: order.into(),
            viewer_id,
            anonymous,
            at_least: None,
        };
        self.call(request).await
    }

    /// Streams all members connected to both, by id.
    pub async fn stream_shared_connections(
        &self,
        viewer_id: u64,
        member_id: u64,
    ) -> Result<AnswerStream<cloud::StreamSharedConnectionsResponse>, Error> {
        let request = cloud::StreamSharedConnectionsRequest {
            viewer_id,
            member_id,
            at_least: None,
        };
        self.call(request).await
    }

    /// Streams all members at one degree of the viewer, by id.
    pub async fn stream_network(
        &self,
        viewer_id: u64,
        degree: cloud::Degree,
    ) -> Result<AnswerStream<cloud::StreamNetworkResponse>, Error> {
        let request = cloud::StreamNetworkRequest {
            viewer_id,
            degree: degree.into(),
            at_least: None,
        };
        self.call(request).await
    }

    /// Begins a session: the server builds the viewer's view and keeps it, so that the viewer's
    /// requests are answered without that delay. The session ends by [`Client::end_session`], or
    /// after a time without a request.
    pub async fn begin_session(
        &self,
        viewer_id: u64,
    ) -> Result<cloud::BeginSessionResponse, Error> {
        let request = cloud::BeginSessionRequest {
            viewer_id,
            at_least: None,
        };
        self.call(request).await
    }

    /// Ends a session. It is no error if the session has ended already.
    pub async fn end_session(
        &self,
        session: impl Into<String>,
    ) -> Result<cloud::EndSessionResponse, Error> {
        let request = cloud::EndSessionRequest {
            session: session.into(),
        };
        self.call(request).await
    }

    /// Returns a page of the members who match `query`, nearest first.
    pub async fn search(
        &self,
        viewer_id: u64,
        query: impl Into<String>,
        options: SearchOptions,
    ) -> Result<cloud::SearchMembersResponse, Error> {
        let request = cloud::SearchMembersRequest {
            viewer_id,
            query: query.into(),
            degrees: options.degrees.into_iter().map(Into::into).collect(),
            page_size: options.page.size,
            page_token: options.page.token,
            at_least: None,
        };
        self.call(request).await
    }

    /// Returns the profiles of members, in the order of the request: of all, or of the first ones
    /// and a `next_index`.
    pub async fn profiles(
        &self,
        member_ids: &[u64],
    ) -> Result<cloud::BatchGetProfilesResponse, Error> {
        self.profiles_with(member_ids, &[]).await
    }

    /// Returns the same with these fields only, such as `display_name` or `positions.title`; an
    /// empty slice selects all.
    pub async fn profiles_with(
        &self,
        member_ids: &[u64],
        fields: &[&str],
    ) -> Result<cloud::BatchGetProfilesResponse, Error> {
        let (viewer_id, anonymous) = self.settings.side.fields();
        let paths = fields.iter().map(|&field| field.to_owned()).collect();
        let request = cloud::BatchGetProfilesRequest {
            viewer_id,
            anonymous,
            member_ids: member_ids.to_vec(),
            read_mask: Some(FieldMask { paths }),
            at_least: None,
        };
        self.call(request).await
    }

    /// Returns the profiles of all these members, in as many calls as that takes. Returns also the
    /// point of the first call; the later ones are as of that point or later.
    pub async fn all_profiles(
        &self,
        member_ids: &[u64],
        fields: &[&str],
    ) -> Result<(Option<databus::AsOf>, Vec<cloud::ProfileResult>), Error> {
        let (mut client, mut results) = (self.clone(), Vec::with_capacity(member_ids.len()));
        let mut as_of = None;
        while let Some(rest) = member_ids
            .get(results.len()..)
            .filter(|rest| !rest.is_empty())
        {
            let batch = rest.get(..limits::PROFILES_BATCH_MAX).unwrap_or(rest);
            let answer = client.profiles_with(batch, fields).await?;
            if answer.results.is_empty() {
                return Err(Error::ended(&self.address));
            }
            results.extend(answer.results);
            if as_of.is_none() {
                as_of = answer.as_of;
                client.settings.at_least = as_of.clone().map(databus::at_least::Point::AsOf);
            }
        }
        Ok((as_of, results))
    }

    /// Returns the status of the log: where it begins and ends, and its sources. Of a graph server,
    /// the admin listener answers.
    pub async fn log_status(&self) -> Result<databus::GetStatusResponse, Error> {
        self.call(databus::GetStatusRequest {}).await
    }

    /// Subscribes to the windows above `after_scn`, and to every later one as soon as it is
    /// durable. [`crate::Event`] lists the events. No timeout applies. Of a graph server, the admin
    /// listener answers.
    ///
    /// `kinds` selects the changes by kind; an empty slice selects all. With a `log_id`, the server
    /// refuses the call unless its log has this id; an empty one accepts any log.
    pub async fn subscribe(
        &self,
        after_scn: u64,
        kinds: &[databus::ChangeKind],
        log_id: &str,
    ) -> Result<Subscription, Error> {
        let after = databus::AsOf {
            log_id: log_id.to_owned(),
            scn: after_scn,
            history: 0,
        };
        self.subscribe_after(&after, kinds).await
    }

    /// Subscribes like [`subscribe`](Self::subscribe), after a point of a log. The server refuses
    /// the call with the reason `OTHER_LOG` if its log has another id, or another history at the
    /// point.
    pub async fn subscribe_after(
        &self,
        after: &databus::AsOf,
        kinds: &[databus::ChangeKind],
    ) -> Result<Subscription, Error> {
        let request = databus::SubscribeRequest {
            after_scn: after.scn,
            kinds: kinds.iter().map(|&kind| kind.into()).collect(),
            log_id: after.log_id.clone(),
            after_history: after.history,
        };
        let stream = whole(&self.address, self.log.clone().subscribe(request).await)?;
        Ok(Subscription::new(self.address.clone(), after.scn, stream))
    }
}
