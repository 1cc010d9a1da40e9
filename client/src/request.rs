//! The requests of the protocol, and the gRPC method of each.

use crate::{
    Admin, AnswerStream, Client, Error,
    answer::{streamed, whole},
};
use cloud_proto::{cloud::v1 as cloud, databus::v1 as databus};
use std::future::Future;

/// A request message that a handle can send: a [`Client`] to the services that read, an [`Admin`]
/// to the others of the admin listener.
pub trait RequestTo<Handle> {
    /// The response message.
    type Response;

    /// Sends the request. A request without a point to wait for takes the handle's.
    fn send(self, handle: &Handle) -> impl Future<Output = Result<Self::Response, Error>> + Send;
}

/// A line for each call: the stub and its method, the request, its field with the point to wait
/// for, and the response. The handle's method in brackets takes the answer.
macro_rules! requests {
    ($handle:ty [$answer:ident]: $(
        $stub:ident.$method:ident($request:ty $(, $at_least:ident)?) -> $response:ty;
    )*) => {$(
        impl RequestTo<$handle> for $request {
            type Response = $response;

            async fn send(self, handle: &$handle) -> Result<$response, Error> {
                let request = self;
                $(
                    let $at_least = request.$at_least.or_else(|| handle.settings.at_least());
                    let request = Self { $at_least, ..request };
                )?
                let request = handle.settings.request(request);
                $answer(&handle.address, handle.$stub.clone().$method(request).await)
            }
        }
    )*};
}

requests! { Client [whole]:
    network.get_degrees(cloud::GetDegreesRequest, at_least) -> cloud::GetDegreesResponse;
    network.get_degrees_for_viewers(cloud::GetDegreesForViewersRequest, at_least)
        -> cloud::GetDegreesForViewersResponse;
    network.get_network_sizes(cloud::GetNetworkSizesRequest, at_least)
        -> cloud::GetNetworkSizesResponse;
    network.list_connections(cloud::ListConnectionsRequest, at_least)
        -> cloud::ListConnectionsResponse;
    network.list_shared_connections(cloud::ListSharedConnectionsRequest, at_least)
        -> cloud::ListSharedConnectionsResponse;
    network.list_network(cloud::ListNetworkRequest, at_least) -> cloud::ListNetworkResponse;
    network.get_subgraph(cloud::GetSubgraphRequest, at_least) -> cloud::GetSubgraphResponse;
    network.list_paths(cloud::ListPathsRequest, at_least) -> cloud::ListPathsResponse;
    network.suggest_connections(cloud::SuggestConnectionsRequest, at_least)
        -> cloud::SuggestConnectionsResponse;
    network.begin_session(cloud::BeginSessionRequest, at_least) -> cloud::BeginSessionResponse;
    network.end_session(cloud::EndSessionRequest) -> cloud::EndSessionResponse;
    search.search_members(cloud::SearchMembersRequest, at_least) -> cloud::SearchMembersResponse;
    profiles.batch_get_profiles(cloud::BatchGetProfilesRequest, at_least)
        -> cloud::BatchGetProfilesResponse;
    log.get_status(databus::GetStatusRequest) -> databus::GetStatusResponse;
}

requests! { Client [streamed]:
    network.stream_connections(cloud::StreamConnectionsRequest, at_least)
        -> AnswerStream<cloud::StreamConnectionsResponse>;
    network.stream_shared_connections(cloud::StreamSharedConnectionsRequest, at_least)
        -> AnswerStream<cloud::StreamSharedConnectionsResponse>;
    network.stream_network(cloud::StreamNetworkRequest, at_least)
        -> AnswerStream<cloud::StreamNetworkResponse>;
}

requests! { Admin [whole]:
    admin.get_status(cloud::GetStatusRequest) -> cloud::GetStatusResponse;
    admin.take_snapshot(cloud::TakeSnapshotRequest) -> cloud::TakeSnapshotResponse;
    publisher.get_source(databus::GetSourceRequest) -> databus::GetSourceResponse;
}

requests! { Admin [streamed]:
    admin.take_backup(cloud::TakeBackupRequest) -> AnswerStream<cloud::TakeBackupResponse>;
}
