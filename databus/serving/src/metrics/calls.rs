//! Counts the calls of each method: how many are in flight, and how long they took.

use crate::metrics::{Histogram, Page};
use cloud_proto::FILE_DESCRIPTOR_SET;
use prost::{DecodeError, Message};
use prost_types::FileDescriptorSet;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tonic::Code;

/// The number of gRPC's codes.
const CODES: usize = 17;

/// The counts of all calls to all listeners. Counting is lock-free.
#[derive(Debug)]
pub struct Calls {
    by_path: HashMap<String, usize>,
    calls: Vec<Call>,
}

/// The counts of one method.
#[derive(Debug)]
struct Call {
    /// The method, as in `cloud.v1.NetworkService/GetDegrees`.
    name: String,
    in_flight: AtomicU64,
    by_code: [Histogram; CODES],
}

impl Call {
    fn new(name: String) -> Self {
        Self {
            name,
            in_flight: AtomicU64::default(),
            by_code: Default::default(),
        }
    }
}

impl Calls {
    /// Creates a count for every method of the protos, and one for all others together: health,
    /// reflection, and methods that do not exist.
    ///
    /// # Errors
    /// If the descriptors of the protos cannot be read.
    pub fn new() -> Result<Self, DecodeError> {
        let mut calls = Vec::new();
        for file in FileDescriptorSet::decode(FILE_DESCRIPTOR_SET)?.file {
            for service in &file.service {
                let method = |method: &prost_types::MethodDescriptorProto| {
                    let (package, service) = (file.package(), service.name());
                    Call::new(format!("{package}.{service}/{}", method.name()))
                };
                calls.extend(service.method.iter().map(method));
            }
        }
        let by_path = calls.iter().enumerate();
        let by_path = by_path
            .map(|(place, call)| (format!("/{}", call.name), place))
            .collect();
        calls.push(Call::new("other".to_owned()));
        Ok(Self { by_path, calls })
    }

    /// Writes the counts and times of all calls.
    pub fn write(&self, page: &mut Page) {
        let by_code = self.calls.iter().flat_map(|call| {
            let codes = (0..).zip(&call.by_code);
            codes.map(|(code, times)| {
                let labels = [("rpc", call.name.as_str()), ("code", code_name(code))];
                (labels, times)
            })
        });
        page.histograms(
            "cloud_rpc_seconds",
            "Time until the answer; for a stream, until it began.",
            by_code,
        );
        let in_flight = self.calls.iter();
        let in_flight =
            in_flight.map(|call| (call.name.as_str(), call.in_flight.load(Ordering::Relaxed)));
        page.gauges(
            "cloud_rpc_in_flight",
            "Calls that are being answered; streams until they began.",
            "rpc",
            in_flight,
        );
    }

    /// Counts a call to `path` as in flight until the returned value is dropped.
    pub(crate) fn begin(self: &Arc<Self>, path: &str) -> InFlight {
        let other = self.calls.len() - 1;
        let in_flight = InFlight {
            calls: Arc::clone(self),
            call: self.by_path.get(path).copied().unwrap_or(other),
            begun: Instant::now(),
            answered: None,
        };
        in_flight.call().in_flight.fetch_add(1, Ordering::Relaxed);
        in_flight
    }
}

/// Returns a code as the gRPC documentation spells it.
fn code_name(code: i32) -> &'static str {
    match Code::from_i32(code) {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// A call that is being answered. It is counted when this is dropped.
#[derive(Debug)]
pub(crate) struct InFlight {
    calls: Arc<Calls>,
    call: usize,
    begun: Instant,
    answered: Option<(Code, Duration)>,
}

impl InFlight {
    pub(crate) fn name(&self) -> &str {
        &self.call().name
    }

    /// Records that the answer is there, with its code.
    pub(crate) fn answered(&mut self, code: Code) {
        self.answered = Some((code, self.begun.elapsed()));
    }

    /// Returns the code and the time of the call. Without an answer the code is CANCELLED: the
    /// caller has gone.
    pub(crate) fn outcome(&self) -> (Code, Duration) {
        let gone = || (Code::Cancelled, self.begun.elapsed());
        self.answered.unwrap_or_else(gone)
    }

    fn call(&self) -> &Call {
        &self.calls.calls[self.call]
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let call = self.call();
        call.in_flight.fetch_sub(1, Ordering::Relaxed);
        let (code, time) = self.outcome();
        if let Some(histogram) = call.by_code.get(code as usize) {
            histogram.record(time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_counted_under_its_name_and_code() {
        let calls = Arc::new(Calls::new().unwrap());
        let path = "/cloud.v1.NetworkService/GetDegrees";
        let mut answered = calls.begin(path);
        let gone = calls.begin(path);
        drop(calls.begin("/nowhere"));
        let degrees = calls
            .calls
            .iter()
            .find(|call| call.name == path[1..])
            .unwrap();
        assert_eq!(degrees.in_flight.load(Ordering::Relaxed), 2);
        answered.answered(Code::Ok);
        drop((answered, gone));
        assert_eq!(degrees.in_flight.load(Ordering::Relaxed), 0);
        let count = |call: &Call, code: Code| call.by_code[code as usize].cumulative().0[16];
        assert_eq!(
            (count(degrees, Code::Ok), count(degrees, Code::Cancelled)),
            (1, 1)
        );
        let other = calls.calls.last().unwrap();
        assert_eq!(
            (other.name.as_str(), count(other, Code::Cancelled)),
            ("other", 1)
        );
    }
}
