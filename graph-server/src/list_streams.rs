//! The places of the streams of lists: a bounded number, with bounded memory for the lists that
//! they hold.
//!
//! A stream of a row holds nothing: it takes page after page from the graph. Others keep a view
//! that the cache may evict meanwhile, or a list of their own, such as the 3rd degree.

use crate::{limits::Limits, rpc::refusal::Refusal};
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of open streams, and the memory for the lists that they hold.
#[derive(Debug)]
pub(crate) struct ListStreams {
    places: Arc<Semaphore>,
    places_max: usize,
    /// The KiB that are free.
    kib: Arc<Semaphore>,
    kib_max: u32,
    stall_max: Duration,
}

/// The place of one stream, free again when this is dropped.
#[derive(Debug)]
pub(crate) struct StreamPlace {
    _place: OwnedSemaphorePermit,
    /// The memory of its list.
    _kib: Option<OwnedSemaphorePermit>,
}

impl ListStreams {
    pub(crate) fn new(limits: &Limits) -> Self {
        let kib_max = u32::try_from(limits.list_streams_bytes_max.div_ceil(1024));
        let kib_max = kib_max.unwrap_or(u32::MAX);
        Self {
            places: Arc::new(Semaphore::new(limits.list_streams_max)),
            places_max: limits.list_streams_max,
            kib: Arc::new(Semaphore::new(kib_max as usize)),
            kib_max,
            stall_max: Duration::from_millis(limits.stall_ms_max),
        }
    }

    /// Returns the time after which a caller that reads nothing is disconnected.
    pub(crate) fn stall_max(&self) -> Duration {
        self.stall_max
    }

    /// Takes a place for a stream whose list holds this many bytes. A list above the whole memory
    /// takes all of it.
    pub(crate) fn take_place(&self, bytes: u64) -> Result<StreamPlace, Refusal> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let busy = |_| Refusal::busy("streams of lists", self.places_max as u64);
        let place = place.map_err(busy)?;
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let kib = match kib.min(self.kib_max) {
            0 => None,
            kib => {
                let taken = Arc::clone(&self.kib).try_acquire_many_owned(kib);
                let what = "bytes of lists that streams hold";
                let busy = |_| Refusal::busy(what, u64::from(self.kib_max) * 1024);
                Some(taken.map_err(busy)?)
            }
        };
        Ok(StreamPlace {
            _place: place,
            _kib: kib,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_memory_are_bounded_and_come_back() {
        let streams = ListStreams::new(&Limits {
            list_streams_max: 2,
            list_streams_bytes_max: 4 << 10,
            ..Limits::DEFAULT
        });
        let large = streams.take_place(1 << 30).unwrap();
        let memory = Refusal::busy("bytes of lists that streams hold", 4 << 10);
        assert_eq!(streams.take_place(1).unwrap_err(), memory);
        let without = streams.take_place(0).unwrap();
        let places = Refusal::busy("streams of lists", 2);
        assert_eq!(streams.take_place(0).unwrap_err(), places);
        drop((large, without));
        let half = streams.take_place(2 << 10).unwrap();
        let other_half = streams.take_place(2 << 10).unwrap();
        drop((half, other_half));
        assert!(streams.take_place(1).is_ok());
    }
}
