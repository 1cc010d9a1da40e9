//! Conversions between the types of the protocol and those of the engine: ids, degrees, times.

use crate::{observe::facts, rpc::refusal::Refusal};
use cloud_engine::{ConnectionOrder, Degree, ListedConnection, NetworkDegree};
use cloud_model::{ConnectionTime, MemberId};
use cloud_profile::time_to_proto;
use cloud_proto::cloud::v1 as wire;
use prost_types::Timestamp;
use std::time::Duration;

/// Returns the member id in `field` of a request.
pub(crate) fn member_id(field: &str, id: u64) -> Result<MemberId, Refusal> {
    facts::named(field, id);
    MemberId::new(id).ok_or_else(|| Refusal::field(field, "must not be 0"))
}

/// Returns the member ids in `field` of a request, at most `limit`.
pub(crate) fn member_ids(
    field: &'static str,
    ids: &[u64],
    limit: usize,
) -> Result<Vec<MemberId>, Refusal> {
    if ids.len() > limit {
        return Err(Refusal::too_large(field, ids.len() as u64, limit as u64));
    }
    let checked = |(place, &id): (usize, &u64)| {
        MemberId::new(id)
            .ok_or_else(|| Refusal::field(format!("{field}[{place}]"), "must not be 0"))
    };
    ids.iter().enumerate().map(checked).collect()
}

pub(crate) fn member_ids_to_wire(members: &[MemberId]) -> Vec<u64> {
    members.iter().map(|member| member.get()).collect()
}

/// Returns the number of members of a page: the default if the request has 0, and the limit if it
/// asks for more.
pub(crate) fn page_size(asked: u32, default: u32, limit: u32) -> usize {
    let size = if asked == 0 { default } else { asked };
    size.min(limit) as usize
}

/// Returns a number in `field` of a request, at most `limit`; the default if the request has 0.
pub(crate) fn bounded(
    field: &'static str,
    asked: u32,
    default: u32,
    limit: u32,
) -> Result<u32, Refusal> {
    match asked {
        0 => Ok(default),
        _ if asked > limit => Err(Refusal::too_large(field, asked.into(), limit.into())),
        _ => Ok(asked),
    }
}

/// Returns the degree that a request lists a network at.
pub(crate) fn network_degree(field: &str, degree: i32) -> Result<NetworkDegree, Refusal> {
    match wire::Degree::try_from(degree) {
        Ok(wire::Degree::First) => Ok(NetworkDegree::First),
        Ok(wire::Degree::Second) => Ok(NetworkDegree::Second),
        Ok(wire::Degree::Third) => Ok(NetworkDegree::Third),
        Ok(
            wire::Degree::Unspecified
            | wire::Degree::OutOfNetwork
            | wire::Degree::Self_
            | wire::Degree::Unknown,
        )
        | Err(_) => Err(Refusal::field(field, "must be FIRST, SECOND or THIRD")),
    }
}

pub(crate) fn degree_to_wire(degree: Degree) -> wire::Degree {
    match degree {
        Degree::Itself => wire::Degree::Self_,
        Degree::First => wire::Degree::First,
        Degree::Second => wire::Degree::Second,
        Degree::Third => wire::Degree::Third,
        Degree::OutOfNetwork => wire::Degree::OutOfNetwork,
    }
}

/// Returns the degrees that a search is bounded to.
pub(crate) fn degrees_from_wire(field: &str, degrees: &[i32]) -> Result<Vec<Degree>, Refusal> {
    let known = |(place, &degree): (usize, &i32)| match wire::Degree::try_from(degree) {
        Ok(wire::Degree::First) => Ok(Degree::First),
        Ok(wire::Degree::Second) => Ok(Degree::Second),
        Ok(wire::Degree::Third) => Ok(Degree::Third),
        Ok(wire::Degree::OutOfNetwork) => Ok(Degree::OutOfNetwork),
        Ok(wire::Degree::Unspecified | wire::Degree::Self_ | wire::Degree::Unknown) | Err(_) => {
            Err(Refusal::field(
                format!("{field}[{place}]"),
                "must be FIRST, SECOND, THIRD or OUT_OF_NETWORK",
            ))
        }
    };
    degrees.iter().enumerate().map(known).collect()
}

/// Returns the order that a request lists connections in.
pub(crate) fn connection_order(order: i32) -> Result<ConnectionOrder, Refusal> {
    match wire::ConnectionOrder::try_from(order) {
        Ok(wire::ConnectionOrder::Unspecified | wire::ConnectionOrder::Recent) => {
            Ok(ConnectionOrder::Recent)
        }
        Ok(wire::ConnectionOrder::Id) => Ok(ConnectionOrder::Id),
        Err(_) => Err(Refusal::field(
            "order",
            format!("{order} is no order of connections"),
        )),
    }
}

pub(crate) fn connection_to_wire(listed: &ListedConnection) -> wire::Connection {
    wire::Connection {
        member_id: listed.member.get(),
        connected_at: time_to_wire(listed.time),
    }
}

/// Returns the time to the millisecond; `None` if it is not known.
pub(crate) fn time_to_wire(time: ConnectionTime) -> Option<Timestamp> {
    time.is_known().then(|| time_to_proto(time))
}

/// Returns a duration; the longest that the wire has for one that is longer.
pub(crate) fn duration_to_wire(duration: Duration) -> prost_types::Duration {
    let longest = prost_types::Duration {
        seconds: i64::MAX,
        nanos: 999_999_999,
    };
    duration.try_into().unwrap_or(longest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_profile::time_from_proto;

    #[test]
    fn durations_come_back() {
        for duration in [Duration::ZERO, Duration::from_nanos(1_500_000_001)] {
            assert_eq!(duration_to_wire(duration).try_into(), Ok(duration));
        }
        assert_eq!(duration_to_wire(Duration::MAX).seconds, i64::MAX);
    }

    #[test]
    fn times_come_back_to_the_millisecond() {
        for millis in [1, 999, 1000, 1_284_444_123_456] {
            let time = ConnectionTime::from_millis(millis);
            assert_eq!(time_from_proto(&time_to_wire(time).unwrap()), time);
        }
        assert_eq!(time_to_wire(ConnectionTime::UNKNOWN), None);
        let before = Timestamp {
            seconds: -5,
            nanos: 0,
        };
        assert_eq!(time_from_proto(&before), ConnectionTime::UNKNOWN);
    }

    #[test]
    fn wrong_ids_and_sizes_are_named() {
        let wrong = member_ids("ids", &[1, 0], 2).unwrap_err();
        assert_eq!(wrong.wrong_field(), Some("ids[1]"));
        let too_many = member_ids("ids", &[1, 2, 3], 2);
        assert_eq!(too_many, Err(Refusal::too_large("ids", 3, 2)));
        assert_eq!(bounded("limit", 0, 50, 100), Ok(50));
        assert_eq!(bounded("limit", 100, 50, 100), Ok(100));
        let above = bounded("limit", 101, 50, 100);
        assert_eq!(above, Err(Refusal::too_large("limit", 101, 100)));
    }

    #[test]
    fn a_page_has_at_most_the_limit() {
        assert_eq!(page_size(0, 50, 100), 50);
        assert_eq!(page_size(100, 50, 100), 100);
        assert_eq!(page_size(101, 50, 100), 100);
        assert_eq!(page_size(u32::MAX, 50, 100), 100);
    }

    #[test]
    fn three_degrees_can_be_listed() {
        assert_eq!(network_degree("degree", 3), Ok(NetworkDegree::Third));
        for wrong in [-1, 0, 4, 5, 6, 99] {
            assert!(network_degree("degree", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_search_is_bounded_to_four_degrees() {
        assert_eq!(
            degrees_from_wire("degrees", &[1, 4]),
            Ok(vec![Degree::First, Degree::OutOfNetwork])
        );
        for wrong in [0, 5, 6, 99] {
            assert!(degrees_from_wire("degrees", &[wrong]).is_err(), "{wrong}");
        }
    }
}
