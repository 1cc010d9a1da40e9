//! The room of a published window, from its first part until the log has synced it.
//!
//! Parts of an unfinished window take room too: otherwise many callers that never send a last part
//! would fill the memory. A window that has room already waits for more only for a limited time,
//! since two of them could wait for each other.

use cloud_serving::Refusal;
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The room that one window holds, out of that of all calls.
#[derive(Debug)]
pub(super) struct WindowRoom {
    all_kib: Arc<Semaphore>,
    kib_max: u32,
    wait_max: Duration,
    held: Option<OwnedSemaphorePermit>,
}

impl WindowRoom {
    /// Returns the room of a window of which nothing has arrived yet. A window holds at most all
    /// `kib_max` KiB, however large it is, and waits for `wait_max` while it holds some.
    pub(super) fn new(all_kib: Arc<Semaphore>, kib_max: u32, wait_max: Duration) -> Self {
        Self {
            all_kib,
            kib_max,
            wait_max,
            held: None,
        }
    }

    /// Waits until the window has room for this many bytes.
    ///
    /// # Errors
    /// If other windows hold the room for too long.
    pub(super) async fn grow_to(&mut self, bytes: usize) -> Result<(), Refusal> {
        let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX);
        let held = self.held_kib();
        let missing = kib.min(self.kib_max).saturating_sub(held);
        if missing == 0 {
            return Ok(());
        }
        let more = Arc::clone(&self.all_kib).acquire_many_owned(missing);
        let more = if held == 0 {
            more.await
        } else {
            let full = |_| Refusal::busy("bytes of published windows", self.bytes_max());
            let waited = tokio::time::timeout(self.wait_max, more).await;
            waited.map_err(full)?
        };
        let more = more.map_err(|_| Refusal::internal("the room for windows was closed"))?;
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
        Ok(())
    }

    /// Takes the room of the window that is whole. The next window begins without any.
    pub(super) fn take(&mut self) -> Option<OwnedSemaphorePermit> {
        self.held.take()
    }

    fn held_kib(&self) -> u32 {
        let held = self.held.as_ref().map_or(0, |held| held.num_permits());
        u32::try_from(held).unwrap_or(u32::MAX)
    }

    fn bytes_max(&self) -> u64 {
        u64::from(self.kib_max) * 1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const LATE: Duration = Duration::from_secs(600);

    #[tokio::test]
    async fn windows_share_the_room_and_none_waits_for_another_forever() {
        let all_kib = Arc::new(Semaphore::new(10));
        let room = |wait_max| WindowRoom::new(Arc::clone(&all_kib), 10, wait_max);
        let (mut one, mut other) = (room(SOON), room(LATE));
        one.grow_to(5 * 1024).await.unwrap();
        one.grow_to(6 * 1024 - 1).await.unwrap();
        assert_eq!(one.held_kib(), 6);
        other.grow_to(1).await.unwrap();
        assert_eq!(all_kib.available_permits(), 3);
        // Both need more than there is. The one that has waited for its time gives its room up.
        let grows = async {
            let grown = one.grow_to(9 * 1024).await;
            drop(one);
            grown
        };
        let (grown, waited) = tokio::join!(grows, other.grow_to(7 * 1024));
        assert!(grown.unwrap_err().is("BUSY"));
        waited.unwrap();
        // A first part waits until there is room.
        let mut next = room(SOON);
        let ((), grown) = tokio::join!(
            async {
                tokio::time::sleep(2 * SOON).await;
                drop(other.take());
            },
            next.grow_to(4 * 1024)
        );
        grown.unwrap();
        assert_eq!(next.held_kib(), 5);
        // A window larger than the room takes all of it.
        drop(next.take());
        next.grow_to(1 << 20).await.unwrap();
        assert_eq!(next.held_kib(), 10);
    }
}
