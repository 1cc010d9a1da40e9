//! The only writer of a log: writes queued windows as a group, syncs once, publishes and answers.
//!
//! While it syncs, the next group gathers in the queue: the slower the disk, the larger the groups.
//! A window is new if the last window of its source, in the group or in the log, has a lower
//! offset. A repeat of a window in the group is answered together with the group. After any failure
//! the group's callers get the error, and the segment has ended at its last good sync. The next
//! group begins a new segment. If that fails too, so does that group, until there is room.
//!
//! A group is acknowledged only if its segment is still at its path after the sync. While the
//! folder or the segment is gone, moved or replaced, every group fails, and no segment is begun.

use super::error::AppendError;
use super::group::{Answer, Appended, Group, Request};
use super::options::LogOptions;
use super::published::Published;
use super::tail_segment::TailSegment;
use crate::checked_window::{CheckedWindow, encode_histories, encode_scn};
use crate::history::before_first;
use crate::limits::SOURCES_MAX;
use cloud_files::FolderLock;
use cloud_model::{History, LogPoint, Scn};
use std::{io, sync::Arc, time::Instant};
use tokio::{
    runtime::Runtime,
    sync::{Notify, mpsc},
    time::timeout,
};

/// The state that the writer's thread owns.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) published: Arc<Published>,
    pub(crate) tail: TailSegment,
    pub(crate) options: LogOptions,
    pub(crate) closing: Arc<Notify>,
    /// The lock of the folder, which is released when the writer has ended.
    pub(crate) lock: Option<FolderLock>,
}

impl Writer {
    /// Serves the queue until the log is closed, and then everything that is still queued. Ends
    /// with a synced mark.
    pub(crate) fn run(
        mut self,
        runtime: &Runtime,
        mut queue: mpsc::Receiver<Request>,
    ) -> Result<(), AppendError> {
        let mut batch = Vec::new();
        while runtime.block_on(self.receive(&mut queue, &mut batch)) {
            if batch.is_empty() {
                self.mark();
            } else {
                self.commit(&mut batch);
            }
        }
        self.finish()
    }

    /// Waits for requests. Returns without any if a mark is due first. Returns false if the log is
    /// closed and nothing is queued.
    async fn receive(&self, queue: &mut mpsc::Receiver<Request>, batch: &mut Vec<Request>) -> bool {
        let limit = self.options.queue_windows_max.max(1);
        let mark_after = self.options.mark_after;
        loop {
            let next = async {
                if self.tail.is_unmarked() {
                    timeout(mark_after, queue.recv_many(batch, limit))
                        .await
                        .ok()
                } else {
                    Some(queue.recv_many(batch, limit).await)
                }
            };
            tokio::select! {
                biased;
                () = self.closing.notified() => {}
                received = next => return received != Some(0),
            }
            queue.close();
        }
    }

    fn commit(&mut self, batch: &mut Vec<Request>) {
        let mut group = Group::default();
        for Request { window, answer } in batch.drain(..) {
            if group.bytes >= self.options.group_bytes_max as u64 {
                self.sync(std::mem::take(&mut group));
            }
            group = self.join(group, window, answer);
        }
        self.sync(group);
    }

    /// Adds a window to the group. After a failure it returns a new group.
    fn join(&mut self, mut group: Group, window: CheckedWindow, answer: Answer) -> Group {
        if answer.is_broken() {
            answer.refuse(AppendError::AfterRefused);
            return group;
        }
        let source_id = window.source_id.as_str();
        let in_group = group.sources.get(source_id);
        let last = in_group
            .clone()
            .or_else(|| self.published.sources(|sources| sources.get(source_id)));
        if let Some(last) = &last
            && (1..=last.offset).contains(&window.source_offset)
        {
            let in_points = group.points.iter().rev();
            let point = in_points.copied().find(|point| point.scn == last.scn);
            let point = point.unwrap_or_else(|| self.published.histories.point(last.scn));
            let appended = Appended::repeat(point);
            if in_group.is_some() {
                group.wait(answer, appended);
            } else {
                answer.acknowledge(appended);
            }
            return group;
        }
        let is_new_source = last.is_none() && window.source_offset > 0;
        if is_new_source && self.sources(&group) >= SOURCES_MAX {
            let source_id = source_id.to_owned();
            answer.refuse(AppendError::TooManySources {
                source_id,
                sources_max: SOURCES_MAX,
            });
            return group;
        }
        let before = group.points.last().copied();
        let before = before.unwrap_or_else(|| self.published.head_point());
        let scn = Scn::new(before.scn.get() + 1);
        let history_before = before
            .history
            .unwrap_or_else(|| before_first(self.published.log_id, before.scn));
        let point = LogPoint {
            scn,
            history: Some(window.history(history_before, scn)),
        };
        group.wait(answer, Appended::new(point));
        match self.write(&mut group, &window, history_before, point) {
            Ok(()) => group,
            Err(error) => {
                self.fail(group, error);
                Group::default()
            }
        }
    }

    fn sources(&self, group: &Group) -> usize {
        self.published
            .sources(|sources| sources.len() + group.sources.count_not_in(sources))
    }

    fn write(
        &mut self,
        group: &mut Group,
        window: &CheckedWindow,
        history_before: History,
        point: LogPoint,
    ) -> io::Result<()> {
        let scn = point.scn;
        if group.points.is_empty() && self.tail.is_over(self.options.segment_bytes) {
            self.begin_segment(scn.get(), history_before)?;
        }
        group.note(scn.get(), self.tail.position() + group.buffer.len() as u64);
        let last_part = window.parts.len() - 1;
        for (number, part) in window.parts.iter().enumerate() {
            let offset = self.tail.position() + group.buffer.len() as u64;
            let before = group.buffer.len();
            self.tail.push_frame(&mut group.buffer, offset, |body| {
                encode_scn(scn, body);
                body.extend_from_slice(part);
                if let Some(history) = point.history.filter(|_| number == last_part) {
                    encode_histories(history_before, history, body);
                }
            });
            group.bytes += (group.buffer.len() - before) as u64;
            if group.buffer.len() >= self.options.group_bytes_max {
                self.tail.write(&group.buffer)?;
                group.buffer.clear();
            }
        }
        group.points.push(point);
        group
            .sources
            .set(&window.source_id, window.source_offset, scn);
        Ok(())
    }

    /// Makes the group durable, then visible, and then answers its callers.
    fn sync(&mut self, mut group: Group) {
        let Some(last) = group.points.last().copied() else {
            return group.acknowledge();
        };
        let written = self
            .tail
            .write(&group.buffer)
            .and_then(|()| self.sync_tail());
        if let Err(error) = written {
            return self.fail(group, error);
        }
        let segment = &self.tail.segment;
        group.note_in(segment);
        for point in &group.points {
            self.published.histories.note(*point);
        }
        let sources = std::mem::take(&mut group.sources);
        self.published
            .publish(segment, self.tail.durable(), sources, last.scn);
        group.acknowledge();
    }

    fn sync_tail(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        self.tail.sync(&*self.published.disk)?;
        self.published.syncs.record(begun.elapsed());
        Ok(())
    }

    fn fail(&mut self, group: Group, error: io::Error) {
        let segment = Arc::clone(&self.tail.segment);
        let name = &segment.name;
        let windows = group.points.len();
        tracing::error!(segment = name, %error, windows, "not durable");
        let error = self.not_durable(error);
        if let Err(error) = self.tail.give_up() {
            tracing::warn!(
                segment = name,
                %error,
                "cannot be cut; its successor will say where it ends"
            );
        }
        group.refuse(&error);
    }

    fn begin_segment(&mut self, first_scn: u64, history_before: History) -> io::Result<()> {
        let Published {
            disk,
            log_id,
            origin,
            ..
        } = &*self.published;
        // Without its predecessor, the new segment would look like a log that begins there.
        self.tail.check_in_place(&**disk)?;
        let previous = self.tail.as_previous();
        let sources = self.published.sources(Clone::clone);
        self.tail = TailSegment::create(
            &**disk,
            (*log_id, *origin),
            first_scn,
            previous,
            history_before,
            &sources,
        )?;
        self.published.begin(Arc::clone(&self.tail.segment));
        Ok(())
    }

    fn mark(&mut self) {
        if let Err(error) = self.tail.mark() {
            // A mark only helps recovery to tell rot from a torn tail. The windows are durable
            // without it.
            let name = &self.tail.segment.name;
            tracing::warn!(segment = name, %error, "a mark could not be written");
        }
    }

    fn finish(mut self) -> Result<(), AppendError> {
        let closed = self.tail.close(&*self.published.disk);
        drop(self.lock.take());
        closed.map_err(|error| self.not_durable(error))
    }

    fn not_durable(&self, source: io::Error) -> AppendError {
        let file = self.published.disk.path(&self.tail.segment.name);
        AppendError::NotDurable {
            file,
            offset: self.tail.durable(),
            source: Arc::new(source),
        }
    }
}
