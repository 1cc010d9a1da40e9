//! Changes published at a fixed rate while something else is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cloud_proto::databus::v1::Change;
use tokio::task::JoinHandle;

use crate::channels::Channels;
use crate::outcome::Outcome;
use crate::publisher::window;

/// Windows that are due are sent this often.
const TICK: Duration = Duration::from_millis(2);
/// A feed that was acknowledged less than this share of its rate was not the load that it was meant to be.
const SHARE_MIN: f64 = 0.9;

/// A publisher that runs until it is stopped.
#[derive(Debug)]
pub struct Feed {
    rate: f64,
    start: Instant,
    stopped: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
    sender: JoinHandle<Outcome<()>>,
    answers: JoinHandle<Outcome<()>>,
}

impl Feed {
    /// Publishes `rate` changes a second in windows of `window_changes`, made by `change` from their number.
    pub async fn start(
        channels: &Channels,
        rate: f64,
        window_changes: u64,
        mut change: impl FnMut(u64) -> Change + Send + 'static,
    ) -> Outcome<Self> {
        let (windows, mut answers) = channels.admin(1).publisher().await?;
        let (stopped, acknowledged) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let start = Instant::now();
        let is_stopped = stopped.clone();
        let sender = tokio::spawn(async move {
            let mut tick = tokio::time::interval(TICK);
            let mut sent = 0;
            while !is_stopped.load(Ordering::Relaxed) {
                tick.tick().await;
                let is_due = |sent: u64| (sent as f64) < start.elapsed().as_secs_f64() * rate;
                while is_due(sent) && !is_stopped.load(Ordering::Relaxed) {
                    let changes = (sent..sent + window_changes).map(&mut change).collect();
                    windows.send(window(changes)).await?;
                    sent += window_changes;
                }
            }
            Ok(())
        });
        let count = acknowledged.clone();
        let answers = tokio::spawn(async move {
            while answers.next().await?.is_some() {
                count.fetch_add(window_changes, Ordering::Relaxed);
            }
            Ok(())
        });
        Ok(Self {
            rate,
            start,
            stopped,
            acknowledged,
            sender,
            answers,
        })
    }

    /// Ends it; changes acknowledged a second, or an error when they were fewer than nine tenths of what was meant.
    pub async fn stop(self) -> Outcome<f64> {
        self.stopped.store(true, Ordering::Relaxed);
        self.sender.await??;
        self.answers.await??;
        let rate =
            self.acknowledged.load(Ordering::Relaxed) as f64 / self.start.elapsed().as_secs_f64();
        if rate < self.rate * SHARE_MIN {
            return Err(format!(
                "only {rate:.0} of {} changes/s were acknowledged",
                self.rate
            )
            .into());
        }
        Ok(rate)
    }
}
