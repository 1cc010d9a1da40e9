//! The settings of a handle: a timeout, the point that answers must not be older than, and the side
//! from which it reads.

use crate::limits;
use cloud_proto::databus::v1::{AtLeast, at_least};
use std::time::Duration;
use tonic::Request;

/// The settings of one handle.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The timeout of each call; if `None`, the server's default deadline ends a call.
    pub(crate) timeout: Option<Duration>,
    /// The point that reads wait for.
    pub(crate) at_least: Option<at_least::Point>,
    /// The side of calls that may have no viewer.
    pub(crate) side: Side,
}

/// The side from which a handle reads, in the calls that may have no viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The side of a visitor who is not logged in.
    Visitor,
    /// The side of a member.
    Viewer(u64),
    /// The site's own side.
    Site,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Some(limits::TIMEOUT_DEFAULT),
            at_least: None,
            side: Side::Visitor,
        }
    }
}

impl Side {
    /// Returns the fields `viewer_id` and `anonymous` of a request.
    pub(crate) fn fields(self) -> (u64, bool) {
        match self {
            Self::Visitor => (0, true),
            Self::Viewer(viewer_id) => (viewer_id, false),
            Self::Site => (0, false),
        }
    }
}

impl Settings {
    /// Returns a request that carries the timeout to the server.
    pub(crate) fn request<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        if let Some(timeout) = self.timeout {
            request.set_timeout(timeout);
        }
        request
    }

    /// Returns the point to wait for, in the form of a request's field.
    pub(crate) fn at_least(&self) -> Option<AtLeast> {
        self.at_least
            .clone()
            .map(|point| AtLeast { point: Some(point) })
    }
}
