//! What the crates below answer when they cannot, as refusals of a request.

use crate::rpc::refusal::Refusal;
use cloud_engine::{ConnectionsError, FileError, Stopped};
use cloud_search::SearchError;
use cloud_serving as serving;

impl From<Stopped> for Refusal {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::EdgesExhausted { limit } => Self::EdgesExhausted { limit },
            Stopped::Deadline => serving::Refusal::Deadline.into(),
        }
    }
}

impl From<FileError> for Refusal {
    fn from(error: FileError) -> Self {
        let what = "a file of the snapshot";
        let reason = error.to_string();
        serving::Refusal::Corrupt { what, reason }.into()
    }
}

impl From<ConnectionsError> for Refusal {
    fn from(error: ConnectionsError) -> Self {
        match error {
            ConnectionsError::Stopped(stopped) => stopped.into(),
            ConnectionsError::File(error) => error.into(),
        }
    }
}

impl From<SearchError> for Refusal {
    fn from(error: SearchError) -> Self {
        let reason = error.to_string();
        let refusal = match error {
            SearchError::Stopped => serving::Refusal::Deadline,
            SearchError::OutOfStep { .. } => serving::Refusal::Internal { reason },
            SearchError::Index(_) => serving::Refusal::Corrupt {
                what: "the search index",
                reason,
            },
        };
        refusal.into()
    }
}
