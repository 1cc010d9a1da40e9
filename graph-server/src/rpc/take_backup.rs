//! TakeBackup: copies the snapshot and the log into a folder, and streams the progress.

use super::{admin_status::snapshot_status, take_snapshot::snapshot_at};
use crate::{
    backup::{self, Backup, BackupError},
    rpc::refusal::Refusal,
    site::Site,
};
use cloud_files::{CopyError, Taking};
use cloud_proto::cloud::v1::{BackupTaken, TakeBackupRequest, TakeBackupResponse};
use cloud_serving as serving;
use cloud_serving::Deadline;
use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{OwnedMutexGuard, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status};

/// The time between two messages.
const REPORT_INTERVAL: Duration = Duration::from_millis(200);
/// The maximum length of a path, as Linux has it (`PATH_MAX`).
const DIRECTORY_BYTES_MAX: usize = 4096;

/// The messages of a call.
pub(crate) type BackupProgress = ReceiverStream<Result<TakeBackupResponse, Status>>;

pub(crate) async fn take_backup(
    site: &Arc<Site>,
    request: Request<TakeBackupRequest>,
) -> Result<BackupProgress, Refusal> {
    let deadline = Deadline::of(&request).stated();
    let request = request.into_inner();
    site.check_serving()?;
    let target = target(site, &request.directory)?;
    let taking = if request.same_disk {
        Taking::Links
    } else {
        Taking::Copies
    };
    let alone = Arc::clone(&site.backup).try_lock_owned();
    let alone = alone.map_err(|_| Refusal::busy("backups", 1))?;
    let (messages, receiver) = mpsc::channel(2);
    let task = Task {
        site: Arc::clone(site),
        target,
        taking,
        deadline,
        messages,
        _alone: alone,
    };
    tokio::spawn(task.run());
    Ok(ReceiverStream::new(receiver))
}

/// Checks the path of a new folder. What can still go wrong with it is an error of the copy.
fn target(site: &Site, directory: &str) -> Result<PathBuf, Refusal> {
    let wrong = |problem: &str| Err(Refusal::field("directory", problem));
    if directory.len() > DIRECTORY_BYTES_MAX || directory.contains('\0') {
        return wrong("must be a path of at most 4,096 bytes");
    }
    let target = Path::new(directory);
    let (Some(above), Some(name)) = (target.parent(), target.file_name()) else {
        return wrong("must name a new folder");
    };
    if !target.is_absolute() {
        return wrong("must be an absolute path, on the server's machine");
    }
    let Ok(above) = above.canonicalize() else {
        return wrong("must be in a folder that exists, on the server's machine");
    };
    let target = above.join(name);
    if target.symlink_metadata().is_ok() {
        return wrong("must not exist");
    }
    let mut copied = vec![site.folder.clone()];
    copied.extend(site.log_folder.clone());
    for folder in copied {
        if let Ok(folder) = folder.canonicalize()
            && above.starts_with(folder)
        {
            return wrong("must not be in a folder that is copied");
        }
    }
    Ok(target)
}

/// A backup that is being taken for a caller.
struct Task {
    site: Arc<Site>,
    target: PathBuf,
    taking: Taking,
    deadline: Option<Instant>,
    messages: mpsc::Sender<Result<TakeBackupResponse, Status>>,
    _alone: OwnedMutexGuard<()>,
}

impl Task {
    async fn run(self) {
        let messages = self.messages.clone();
        let taken = self.take().await;
        // A caller who is gone needs no answer.
        let _ = messages.send(taken.map_err(Status::from)).await;
    }

    async fn take(self) -> Result<TakeBackupResponse, Refusal> {
        if self.site.log.owned().is_none() {
            let now = self.site.graphs.for_status().scn();
            let deadline = self.deadline;
            tokio::select! {
                taken = snapshot_at(&self.site, now, deadline) => drop(taken?),
                () = self.messages.closed() => return Err(serving::Refusal::deadline().into()),
            }
        }
        let copied = tokio::task::spawn_blocking(move || self.copy()).await;
        copied.map_err(|error| serving::Refusal::internal(error.to_string()))?
    }

    fn copy(&self) -> Result<TakeBackupResponse, Refusal> {
        let bytes = backup::bytes(&self.site);
        let (mut bytes_copied, mut reported) = (0, Instant::now());
        let mut report = |more| {
            bytes_copied += more;
            if self.is_over() {
                return ControlFlow::Break(());
            }
            if reported.elapsed() >= REPORT_INTERVAL {
                reported = Instant::now();
                let _ = self.messages.try_send(Ok(TakeBackupResponse {
                    bytes_copied,
                    bytes,
                    taken: None,
                }));
            }
            ControlFlow::Continue(())
        };
        let taken = backup::take(&self.site, &self.target, self.taking, &mut report);
        let Backup { snapshot, point } = taken.map_err(|error| self.refusal(&error))?;
        let (folder, scn) = (self.target.display(), point.scn.get());
        tracing::info!(%folder, scn, "a backup was taken");
        Ok(TakeBackupResponse {
            bytes_copied,
            bytes: bytes_copied,
            taken: Some(BackupTaken {
                as_of: Some(self.site.progress.as_of(point.scn)),
                snapshot: Some(snapshot_status(&self.site, &snapshot)),
            }),
        })
    }

    fn is_over(&self) -> bool {
        self.site.stopping.is_cancelled() || self.messages.is_closed() || self.deadline_passed()
    }

    fn deadline_passed(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn refusal(&self, error: &BackupError) -> Refusal {
        match error {
            BackupError::Copy(CopyError::Stopped) if self.site.stopping.is_cancelled() => {
                serving::Refusal::shutting_down().into()
            }
            BackupError::Copy(CopyError::Stopped) => serving::Refusal::deadline().into(),
            error => Refusal::no_backup(&error.to_string()),
        }
    }
}
