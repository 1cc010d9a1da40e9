//! Threads for work that would block the connections: a bounded number, with a bounded queue.
//!
//! A request that finds the queue full is rejected at once instead of waiting beyond its deadline.
//! A request whose caller is gone, or whose deadline has passed, stops at its next check.

use crate::rpc::refusal::Refusal;
use cloud_serving as serving;
use cloud_serving::Deadline;
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use tokio::sync::{Semaphore, oneshot};

/// The scheduling priority of threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Priority {
    /// The priority of the threads that serve connections.
    Equal,
    /// A lower priority: a tenth of a core that is otherwise busy ([`BACKGROUND_NICENESS`]). Each
    /// stop check yields the core as well ([`give_way`]).
    Background,
}

/// The niceness of background threads. (Bench: "p99 of GetDegrees, open loop at 30 %, beside the
/// largest member's 3rd-degree size, against without". Under SCHED_IDLE, heavy requests missed
/// their deadlines on a machine that was busy with other processes.)
const BACKGROUND_NICENESS: i32 = 10;

/// A few threads with a queue.
#[derive(Debug)]
pub(crate) struct Workers {
    pool: ThreadPool,
    places: Arc<Semaphore>,
    places_max: usize,
    refused: AtomicU64,
    what: &'static str,
    priority: Priority,
}

/// The load of the threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WorkerCounts {
    /// The number of requests that run or wait.
    pub(crate) requests: usize,
    /// The number of requests rejected since the start because the queue was full.
    pub(crate) refused: u64,
}

/// The stop condition of work: its caller is gone, or its deadline has passed.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    deadline: Deadline,
    gone: Arc<AtomicBool>,
    /// Whether each check first yields the core to other threads.
    gives_way: bool,
}

impl Stop {
    /// Creates the condition for work that runs in its caller's task.
    pub(crate) fn at(deadline: Deadline) -> Self {
        Self {
            deadline,
            gone: Arc::default(),
            gives_way: false,
        }
    }

    pub(crate) fn now(&self) -> bool {
        (self.gives_way && give_way())
            || self.gone.load(Ordering::Relaxed)
            || self.deadline.passed()
    }
}

/// Yields the core to threads that wait for it, and returns false: no reason to stop. Call it about
/// every 100 us.
///
/// Without it, the system leaves a busy thread on its core until the next tick, some milliseconds,
/// whatever its priority. (Bench: "p99 of GetDegrees, open loop at 30 %, beside the largest
/// member's 3rd-degree size, against without". It is 1.2 to 1.5 x, without this call 2.0 to 2.9 x;
/// as many heavy calls are answered.)
pub(crate) fn give_way() -> bool {
    std::thread::yield_now();
    false
}

impl Priority {
    /// Applies the priority to the current thread.
    pub(crate) fn apply(self, what: &'static str) {
        if self == Self::Equal {
            return;
        }
        // On Linux, niceness belongs to the thread.
        if let Err(error) = rustix::process::nice(BACKGROUND_NICENESS) {
            // Answers stay correct; they only cost other requests more time.
            tracing::warn!(
                ?error,
                "the system does not lower the priority of the {what} threads"
            );
        }
    }
}

impl Workers {
    /// Starts the threads. `what` names the work in the threads' names, and in the error when the
    /// queue is full.
    pub(crate) fn new(
        what: &'static str,
        priority: Priority,
        threads: usize,
        places_max: usize,
    ) -> Result<Self, ThreadPoolBuildError> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .thread_name(move |number| format!("{what} {number}"))
            .start_handler(move |_| priority.apply(what))
            .build()?;
        Ok(Self {
            pool,
            places: Arc::new(Semaphore::new(places_max)),
            places_max,
            refused: AtomicU64::default(),
            what,
            priority,
        })
    }

    pub(crate) fn counts(&self) -> WorkerCounts {
        WorkerCounts {
            requests: self.places_max - self.places.available_permits(),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    /// Runs `work` on one of the threads.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        deadline: Deadline,
        work: impl FnOnce(&Stop) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let busy = |_| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            Refusal::busy(self.what, self.places_max as u64)
        };
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(busy)?;
        let stop = Stop {
            gives_way: self.priority == Priority::Background,
            ..Stop::at(deadline)
        };
        let _caller = Caller(Arc::clone(&stop.gone));
        let (sender, receiver) = oneshot::channel();
        self.pool.spawn(move || {
            let outcome = if stop.now() {
                Err(serving::Refusal::deadline().into())
            } else {
                work(&stop)
            };
            drop(place);
            // The send fails when the caller is gone; that is fine.
            let _ = sender.send(outcome);
        });
        receiver.await.unwrap_or_else(|_| {
            Err(serving::Refusal::internal(format!("{} ended early", self.what)).into())
        })
    }
}

/// Sets the flag when the waiting call is dropped.
struct Caller(Arc<AtomicBool>);

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{future::Future, task::Poll, time::Duration};

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(10))
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let workers = Workers::new("tests", Priority::Background, 1, 1).unwrap();
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let mut first = std::pin::pin!(workers.run(soon(), move |_| Ok(wait.recv().is_ok())));
        std::future::poll_fn(|context| {
            assert!(first.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        let second = workers.run(soon(), |_| Ok(())).await;
        assert_eq!(second, Err(Refusal::busy("tests", 1)));
        let expected = WorkerCounts {
            requests: 1,
            refused: 1,
        };
        assert_eq!(workers.counts(), expected);
        release.send(()).unwrap();
        assert_eq!(first.await, Ok(true));
    }

    #[tokio::test]
    async fn background_threads_give_way() {
        let niceness = || {
            let thread = Some(rustix::thread::gettid());
            rustix::process::getpriority_process(thread).unwrap()
        };
        let own = niceness();
        for (priority, steps) in [
            (Priority::Equal, 0),
            (Priority::Background, BACKGROUND_NICENESS),
        ] {
            let workers = Workers::new("tests", priority, 1, 1).unwrap();
            let taken = workers.run(soon(), move |_| Ok(niceness())).await;
            assert_eq!(taken, Ok((own + steps).min(19)));
        }
    }

    #[tokio::test]
    async fn work_past_its_deadline_is_not_begun() {
        let workers = Workers::new("tests", Priority::Background, 1, 1).unwrap();
        let outcome = workers
            .run(Deadline::after(Duration::ZERO), |_| Ok(()))
            .await;
        assert_eq!(outcome, Err(serving::Refusal::deadline().into()));
    }

    #[tokio::test]
    async fn work_stops_when_its_caller_is_gone() {
        let workers = Workers::new("tests", Priority::Background, 1, 1).unwrap();
        let (begun, has_begun) = std::sync::mpsc::channel();
        let (ended, has_ended) = std::sync::mpsc::channel();
        let mut call = Box::pin(workers.run(soon(), move |stop| {
            begun.send(()).unwrap();
            while !stop.now() {
                std::thread::yield_now();
            }
            ended.send(()).unwrap();
            Ok(())
        }));
        std::future::poll_fn(|context| {
            assert!(call.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        has_begun.recv().unwrap();
        drop(call);
        has_ended.recv_timeout(Duration::from_secs(10)).unwrap();
    }
}
