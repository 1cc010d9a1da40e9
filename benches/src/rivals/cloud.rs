//! The rivals' questions as calls to a graph server.

use cloud_engine::Degree;
use cloud_proto::cloud::v1 as cloud;

use super::Shared;
use crate::channels::Channels;
use crate::outcome::Outcome;

/// Channels to a graph server.
#[derive(Clone, Debug)]
pub struct Cloud {
    channels: Channels,
}

impl Cloud {
    /// Creates a contender that calls through these channels.
    pub fn new(channels: Channels) -> Self {
        Self { channels }
    }

    pub(super) async fn degrees(
        &self,
        number: u64,
        viewer_id: u64,
        member_ids: Vec<u64>,
    ) -> Outcome<Vec<Degree>> {
        let request = cloud::GetDegreesRequest {
            viewer_id,
            member_ids,
            ..Default::default()
        };
        let client = self.channels.client(number);
        let answer = client.call(request).await?;
        answer
            .degrees
            .iter()
            .map(|answer| degree(answer.degree()))
            .collect()
    }

    pub(super) async fn shared(
        &self,
        number: u64,
        viewer_id: u64,
        member_id: u64,
    ) -> Outcome<Shared> {
        let request = cloud::ListSharedConnectionsRequest {
            viewer_id,
            member_id,
            ..Default::default()
        };
        let client = self.channels.client(number);
        let answer = client.call(request).await?;
        Ok(Shared {
            total: answer.total,
            page: answer.member_ids,
        })
    }

    pub(super) async fn path(
        &self,
        number: u64,
        viewer_id: u64,
        member_id: u64,
    ) -> Outcome<Vec<u64>> {
        let request = cloud::GetDegreesRequest {
            viewer_id,
            member_ids: vec![member_id],
            path: true,
            ..Default::default()
        };
        let client = self.channels.client(number);
        let answer = client.call(request).await?;
        let member = answer
            .degrees
            .into_iter()
            .next()
            .ok_or("an answer without degrees")?;
        Ok(member.path)
    }

    pub(super) async fn network_size(&self, number: u64, viewer_id: u64) -> Outcome<[u64; 2]> {
        let request = cloud::GetNetworkSizesRequest {
            viewer_id,
            ..Default::default()
        };
        let client = self.channels.client(number);
        let answer = client.call(request).await?;
        Ok([answer.first, answer.second])
    }
}

fn degree(degree: cloud::Degree) -> Outcome<Degree> {
    Ok(match degree {
        cloud::Degree::Self_ => Degree::Itself,
        cloud::Degree::First => Degree::First,
        cloud::Degree::Second => Degree::Second,
        cloud::Degree::Third => Degree::Third,
        cloud::Degree::OutOfNetwork => Degree::OutOfNetwork,
        other => return Err(format!("{other:?} is no degree of a known member").into()),
    })
}
