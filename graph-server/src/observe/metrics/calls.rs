//! What calls there are, how many of each are in flight, and how long they took.

use crate::observe::metrics::histogram::Histogram;
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

/// gRPC's codes.
pub(crate) const CODES: usize = 17;

/// Of all calls to all listeners.
#[derive(Debug)]
pub(crate) struct Calls {
    by_path: HashMap<String, usize>,
    calls: Vec<Call>,
}

/// Of one method.
#[derive(Debug)]
pub(crate) struct Call {
    /// As in `cloud.v1.NetworkService/GetDegrees`.
    pub(crate) name: String,
    pub(crate) in_flight: AtomicU64,
    pub(crate) by_code: [Histogram; CODES],
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
    /// Of every method of the protos, and of all others together (health, reflection, and what there is not).
    pub(crate) fn new() -> Result<Self, DecodeError> {
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

    pub(crate) fn all(&self) -> &[Call] {
        &self.calls
    }

    /// A call to `path` begins.
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

/// A call that is being answered; counted when this is dropped.
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

    /// The answer is there.
    pub(crate) fn answered(&mut self, code: Code) {
        self.answered = Some((code, self.begun.elapsed()));
    }

    /// How it ended, and how long that took; its caller is gone if it was not answered.
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
            .all()
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
        let other = calls.all().last().unwrap();
        assert_eq!(
            (other.name.as_str(), count(other, Code::Cancelled)),
            ("other", 1)
        );
    }
}
