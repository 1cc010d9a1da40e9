//! The generated service traits: each method calls the function in its own file.

use super::{
    admin_status, get_degrees, get_degrees_for_viewers, get_network_sizes, get_subgraph,
    list_connections, list_network, list_paths, list_shared_connections,
    list_stream::Chunks,
    search_members, session, stream_connections, stream_network, stream_shared_connections,
    suggest_connections,
    take_backup::{self, BackupProgress},
    take_snapshot,
};
use crate::site::Site;
use cloud_proto::cloud::v1 as cloud;
use std::sync::Arc;
use tonic::{Request, Response, Status, async_trait};

/// Implements cloud.v1.NetworkService.
#[derive(Clone)]
pub(crate) struct NetworkRpc(pub(crate) Arc<Site>);

/// Implements cloud.v1.SearchService.
#[derive(Clone)]
pub(crate) struct SearchRpc(pub(crate) Arc<Site>);

/// Implements cloud.v1.AdminService.
#[derive(Clone)]
pub(crate) struct AdminRpc(pub(crate) Arc<Site>);

#[async_trait]
impl cloud::network_service_server::NetworkService for NetworkRpc {
    async fn get_degrees(
        &self,
        request: Request<cloud::GetDegreesRequest>,
    ) -> Result<Response<cloud::GetDegreesResponse>, Status> {
        Ok(Response::new(
            get_degrees::get_degrees(&self.0, request).await?,
        ))
    }

    async fn get_network_sizes(
        &self,
        request: Request<cloud::GetNetworkSizesRequest>,
    ) -> Result<Response<cloud::GetNetworkSizesResponse>, Status> {
        Ok(Response::new(
            get_network_sizes::get_network_sizes(&self.0, request).await?,
        ))
    }

    async fn list_connections(
        &self,
        request: Request<cloud::ListConnectionsRequest>,
    ) -> Result<Response<cloud::ListConnectionsResponse>, Status> {
        Ok(Response::new(
            list_connections::list_connections(&self.0, request).await?,
        ))
    }

    async fn list_shared_connections(
        &self,
        request: Request<cloud::ListSharedConnectionsRequest>,
    ) -> Result<Response<cloud::ListSharedConnectionsResponse>, Status> {
        Ok(Response::new(
            list_shared_connections::list_shared_connections(&self.0, request).await?,
        ))
    }

    async fn list_network(
        &self,
        request: Request<cloud::ListNetworkRequest>,
    ) -> Result<Response<cloud::ListNetworkResponse>, Status> {
        Ok(Response::new(
            list_network::list_network(&self.0, request).await?,
        ))
    }

    async fn get_degrees_for_viewers(
        &self,
        request: Request<cloud::GetDegreesForViewersRequest>,
    ) -> Result<Response<cloud::GetDegreesForViewersResponse>, Status> {
        Ok(Response::new(
            get_degrees_for_viewers::get_degrees_for_viewers(&self.0, request).await?,
        ))
    }

    type StreamConnectionsStream = Chunks<cloud::StreamConnectionsResponse>;

    async fn stream_connections(
        &self,
        request: Request<cloud::StreamConnectionsRequest>,
    ) -> Result<Response<Self::StreamConnectionsStream>, Status> {
        Ok(Response::new(
            stream_connections::stream_connections(&self.0, request).await?,
        ))
    }

    type StreamSharedConnectionsStream = Chunks<cloud::StreamSharedConnectionsResponse>;

    async fn stream_shared_connections(
        &self,
        request: Request<cloud::StreamSharedConnectionsRequest>,
    ) -> Result<Response<Self::StreamSharedConnectionsStream>, Status> {
        Ok(Response::new(
            stream_shared_connections::stream_shared_connections(&self.0, request).await?,
        ))
    }

    type StreamNetworkStream = Chunks<cloud::StreamNetworkResponse>;

    async fn stream_network(
        &self,
        request: Request<cloud::StreamNetworkRequest>,
    ) -> Result<Response<Self::StreamNetworkStream>, Status> {
        Ok(Response::new(
            stream_network::stream_network(&self.0, request).await?,
        ))
    }

    async fn get_subgraph(
        &self,
        request: Request<cloud::GetSubgraphRequest>,
    ) -> Result<Response<cloud::GetSubgraphResponse>, Status> {
        Ok(Response::new(
            get_subgraph::get_subgraph(&self.0, request).await?,
        ))
    }

    async fn list_paths(
        &self,
        request: Request<cloud::ListPathsRequest>,
    ) -> Result<Response<cloud::ListPathsResponse>, Status> {
        Ok(Response::new(
            list_paths::list_paths(&self.0, request).await?,
        ))
    }

    async fn suggest_connections(
        &self,
        request: Request<cloud::SuggestConnectionsRequest>,
    ) -> Result<Response<cloud::SuggestConnectionsResponse>, Status> {
        Ok(Response::new(
            suggest_connections::suggest_connections(&self.0, request).await?,
        ))
    }

    async fn begin_session(
        &self,
        request: Request<cloud::BeginSessionRequest>,
    ) -> Result<Response<cloud::BeginSessionResponse>, Status> {
        Ok(Response::new(
            session::begin_session(&self.0, request).await?,
        ))
    }

    async fn end_session(
        &self,
        request: Request<cloud::EndSessionRequest>,
    ) -> Result<Response<cloud::EndSessionResponse>, Status> {
        Ok(Response::new(session::end_session(&self.0, request)?))
    }
}

#[async_trait]
impl cloud::search_service_server::SearchService for SearchRpc {
    async fn search_members(
        &self,
        request: Request<cloud::SearchMembersRequest>,
    ) -> Result<Response<cloud::SearchMembersResponse>, Status> {
        Ok(Response::new(
            search_members::search_members(&self.0, request).await?,
        ))
    }
}

#[async_trait]
impl cloud::admin_service_server::AdminService for AdminRpc {
    async fn get_status(
        &self,
        _: Request<cloud::GetStatusRequest>,
    ) -> Result<Response<cloud::GetStatusResponse>, Status> {
        Ok(Response::new(admin_status::admin_status(&self.0).await?))
    }

    type TakeBackupStream = BackupProgress;

    async fn take_backup(
        &self,
        request: Request<cloud::TakeBackupRequest>,
    ) -> Result<Response<BackupProgress>, Status> {
        Ok(Response::new(
            take_backup::take_backup(&self.0, request).await?,
        ))
    }

    async fn take_snapshot(
        &self,
        request: Request<cloud::TakeSnapshotRequest>,
    ) -> Result<Response<cloud::TakeSnapshotResponse>, Status> {
        Ok(Response::new(
            take_snapshot::take_snapshot(&self.0, request).await?,
        ))
    }
}
