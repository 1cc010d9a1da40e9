//! Replays traced calls on a [`Disk`].

use std::collections::BTreeMap;

use crate::disk::{Disk, Number, ROOT};
use crate::trace::{Call, Event, Phase};

/// One process on a disk, call by call.
#[derive(Clone)]
pub(crate) struct Replay {
    pub(crate) disk: Disk,
    /// The folder that is the disk's root, with a `/` at its end.
    root: String,
    descriptors: BTreeMap<u64, usize>,
    open: Vec<Open>,
    /// The mark of the sync in progress, by thread.
    marks: BTreeMap<u32, u64>,
}

/// The open file that descriptors share if they were duplicated from one another.
#[derive(Clone, Copy)]
struct Open {
    number: Number,
    position: u64,
    appends: bool,
}

/// The effect of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// No effect that a power loss could show.
    Nothing,
    /// Names or bytes have changed.
    Changed,
    /// A sync has ended, successfully or not.
    Synced,
}

impl Replay {
    pub(crate) fn new(disk: Disk, root: &str) -> Self {
        Self {
            disk,
            root: format!("{root}/"),
            descriptors: BTreeMap::new(),
            open: Vec::new(),
            marks: BTreeMap::new(),
        }
    }

    /// Returns a replay of another process on the same disk.
    pub(crate) fn next_process(self) -> Self {
        let root = self.root.trim_end_matches('/').to_owned();
        Self::new(self.disk, &root)
    }

    /// Returns the kind of sync that this event ends, as [`sync_kind`] names it; `None` if it ends
    /// none.
    pub(crate) fn sync_of(&self, event: &Event) -> Option<String> {
        if !event.call.is_sync() || event.phase == Phase::Begun {
            return None;
        }
        let open = self.open(&event.call, 0)?;
        Some(sync_kind(&self.disk, open.number))
    }

    /// Applies an event to the disk. `is_done` is false for a sync that succeeds without making
    /// anything durable.
    pub(crate) fn take(&mut self, event: &Event, is_done: bool) -> Effect {
        let call = &event.call;
        let name = call.name.as_str();
        if event.phase != Phase::Ended
            && call.is_sync()
            && let Some(open) = self.open(call, 0)
        {
            self.marks
                .insert(call.thread(), self.disk.mark(open.number));
        }
        // A descriptor may be reused as soon as its close has begun.
        if event.phase != Phase::Ended && name == "close" {
            self.descriptors.remove(&call.number(0));
        }
        if event.phase == Phase::Begun {
            return Effect::Nothing;
        }
        match (name, call.result) {
            ("fsync" | "fdatasync", result) => self.sync(call, result.is_some(), is_done),
            (_, None) => Effect::Nothing,
            (_, Some(result)) => self.succeeded(call, result),
        }
    }

    fn succeeded(&mut self, call: &Call, result: u64) -> Effect {
        match call.name.as_str() {
            "close" => Effect::Nothing,
            "openat" => self.open_at(call, result),
            "write" => self.write(call, None, &call_bytes(call, result)),
            "pwrite64" => self.write(call, Some(call.number(3)), &call_bytes(call, result)),
            "writev" => {
                let mut bytes = call.gathered(1);
                bytes.truncate(result as usize);
                self.write(call, None, &bytes)
            }
            "lseek" => {
                if let Some(open) = self.open_mut(call, 0) {
                    open.position = result;
                }
                Effect::Nothing
            }
            "ftruncate" => match self.open(call, 0) {
                Some(open) => {
                    self.disk.cut(open.number, call.number(1));
                    Effect::Changed
                }
                None => Effect::Nothing,
            },
            "copy_file_range" | "sendfile" => self.copy(call, result),
            "dup" | "dup2" | "dup3" => {
                self.duplicate(call, result);
                Effect::Nothing
            }
            "fcntl" => {
                if call.arguments[1].starts_with("F_DUPFD") {
                    self.duplicate(call, result);
                }
                Effect::Nothing
            }
            "mkdir" => self.names(call, &[(None, 0)], |disk, paths| {
                disk.make_folder(&paths[0]);
            }),
            "mkdirat" => self.names(call, &[(Some(0), 1)], |disk, paths| {
                disk.make_folder(&paths[0]);
            }),
            "unlink" | "rmdir" => {
                self.names(call, &[(None, 0)], |disk, paths| disk.remove(&paths[0]))
            }
            "unlinkat" => self.names(call, &[(Some(0), 1)], |disk, paths| disk.remove(&paths[0])),
            "rename" => self.names(call, &[(None, 0), (None, 1)], |disk, paths| {
                disk.rename(&paths[0], &paths[1]);
            }),
            "renameat" | "renameat2" => {
                self.names(call, &[(Some(0), 1), (Some(2), 3)], |disk, paths| {
                    disk.rename(&paths[0], &paths[1]);
                })
            }
            "link" => self.names(call, &[(None, 0), (None, 1)], |disk, paths| {
                disk.link(&paths[0], &paths[1]);
            }),
            "linkat" => self.names(call, &[(Some(0), 1), (Some(2), 3)], |disk, paths| {
                disk.link(&paths[0], &paths[1]);
            }),
            "mmap" => {
                let is_written = call.has_flag(2, "PROT_WRITE") && call.has_flag(3, "MAP_SHARED");
                let is_ours = !call.has_flag(3, "MAP_ANONYMOUS") && self.open(call, 4).is_some();
                assert!(
                    !(is_written && is_ours),
                    "written through a map, which no sync is seen of: {call:?}"
                );
                Effect::Nothing
            }
            _ => {
                let is_ours = self.open(call, 0).is_some();
                assert!(!is_ours, "a call that is not replayed: {call:?}");
                Effect::Nothing
            }
        }
    }

    fn sync(&mut self, call: &Call, is_good: bool, is_done: bool) -> Effect {
        let mark = self.marks.remove(&call.thread());
        match (self.open(call, 0), mark) {
            (Some(open), Some(mark)) => {
                if is_done {
                    self.disk.sync(open.number, mark, is_good);
                }
                Effect::Synced
            }
            _ => Effect::Nothing,
        }
    }

    fn open_at(&mut self, call: &Call, descriptor: u64) -> Effect {
        self.descriptors.remove(&descriptor);
        let Some(path) = self.path(call, Some(0), 1) else {
            return Effect::Nothing;
        };
        let (mut effect, found) = (Effect::Nothing, self.disk.find(&path));
        let number = found.unwrap_or_else(|| {
            assert!(
                call.has_flag(2, "O_CREAT"),
                "{path:?} is not on the disk: {call:?}"
            );
            effect = Effect::Changed;
            self.disk.create(&path)
        });
        if found.is_some() && call.has_flag(2, "O_TRUNC") && !self.disk.bytes(number).is_empty() {
            self.disk.cut(number, 0);
            effect = Effect::Changed;
        }
        self.open.push(Open {
            number,
            position: 0,
            appends: call.has_flag(2, "O_APPEND"),
        });
        self.descriptors.insert(descriptor, self.open.len() - 1);
        effect
    }

    fn write(&mut self, call: &Call, at: Option<u64>, bytes: &[u8]) -> Effect {
        let Some(open) = self.open(call, 0) else {
            return Effect::Nothing;
        };
        let length = self.disk.bytes(open.number).len() as u64;
        let from = at.unwrap_or(if open.appends { length } else { open.position });
        self.disk.write(open.number, from, bytes);
        if at.is_none()
            && let Some(open) = self.open_mut(call, 0)
        {
            open.position = from + bytes.len() as u64;
        }
        Effect::Changed
    }

    /// Copies bytes: `copy_file_range(from, NULL, to, NULL, ..)` and `sendfile(to, from, NULL,
    /// ..)`.
    fn copy(&mut self, call: &Call, bytes: u64) -> Effect {
        let (from_at, to_at, offsets): (usize, usize, &[usize]) = if call.name == "sendfile" {
            (1, 0, &[2])
        } else {
            (0, 2, &[1, 3])
        };
        let (Some(from), Some(_)) = (self.open(call, from_at), self.open(call, to_at)) else {
            return Effect::Nothing;
        };
        assert!(
            offsets.iter().all(|at| call.arguments[*at] == "NULL"),
            "{call:?}"
        );
        let (begin, end) = (from.position as usize, (from.position + bytes) as usize);
        let copied = self.disk.bytes(from.number)[begin..end].to_vec();
        if let Some(from) = self.open_mut(call, from_at) {
            from.position += bytes;
        }
        let Some(to) = self.open(call, to_at) else {
            return Effect::Nothing;
        };
        self.disk.write(to.number, to.position, &copied);
        if let Some(to) = self.open_mut(call, to_at) {
            to.position += bytes;
        }
        Effect::Changed
    }

    fn duplicate(&mut self, call: &Call, descriptor: u64) {
        match self.descriptors.get(&call.number(0)).copied() {
            Some(open) => drop(self.descriptors.insert(descriptor, open)),
            None => drop(self.descriptors.remove(&descriptor)),
        }
    }

    /// Applies a call that changes names. The places are those of the folder and the path in its
    /// arguments.
    fn names(
        &mut self,
        call: &Call,
        places: &[(Option<usize>, usize)],
        change: impl FnOnce(&mut Disk, &[String]),
    ) -> Effect {
        let paths: Option<Vec<String>> = places
            .iter()
            .map(|(folder, path)| self.path(call, *folder, *path))
            .collect();
        match paths {
            Some(paths) => {
                change(&mut self.disk, &paths);
                Effect::Changed
            }
            None => Effect::Nothing,
        }
    }

    /// Returns the path below the root; `None` if it is elsewhere.
    fn path(&self, call: &Call, folder: Option<usize>, path: usize) -> Option<String> {
        let path = call.path(path);
        if let Some(descriptor) = path.strip_prefix("/proc/self/fd/") {
            let open = self.descriptors.get(&descriptor.parse().ok()?)?;
            return self.disk.path(self.open[*open].number);
        }
        if path.starts_with('/') {
            let below = format!("{path}/");
            return Some(
                below
                    .strip_prefix(&self.root)?
                    .trim_end_matches('/')
                    .to_owned(),
            );
        }
        let folder = folder.filter(|at| call.arguments[*at] != "AT_FDCWD")?;
        let folder = self.disk.path(self.open(call, folder)?.number)?;
        Some(
            format!("{folder}/{path}")
                .trim_start_matches('/')
                .to_owned(),
        )
    }

    fn open(&self, call: &Call, at: usize) -> Option<Open> {
        // The descriptor is -1, or AT_FDCWD.
        let descriptor: u64 = call.arguments.get(at)?.parse().ok()?;
        Some(self.open[*self.descriptors.get(&descriptor)?])
    }

    fn open_mut(&mut self, call: &Call, at: usize) -> Option<&mut Open> {
        let open = *self.descriptors.get(&call.number(at))?;
        Some(&mut self.open[open])
    }
}

/// Returns the bytes that a write has written: its result is their number.
fn call_bytes(call: &Call, result: u64) -> Vec<u8> {
    let mut bytes = call.bytes(1);
    bytes.truncate(result as usize);
    bytes
}

/// The number in the name of a log's first segment.
const FIRST_SCN: &str = "00000000000000000001";

/// Returns the purpose of a sync: the file that it makes durable, with its numbers left out. For a
/// folder of several things, the last change in it counts. A file of the search index that is moved
/// to another folder, and synced in both, is one file.
fn sync_kind(disk: &Disk, number: Number) -> String {
    let path = disk
        .path(number)
        .unwrap_or_else(|| "a file without a name".to_owned());
    let last_name = disk.last_name(number);
    if number == ROOT {
        let last = last_name.map_or("nothing", |(name, _)| name);
        return format!("the folder of log and site after {last}");
    }
    if path == "snapshot" {
        let last = match last_name {
            None => "nothing",
            Some((name, _)) if name.starts_with("overlay-") => "an overlay",
            Some((name, _)) if name.starts_with('.') => "a removal",
            Some(_) => "a snapshot",
        };
        return format!("snapshot/ after {last}");
    }
    if path == "log" {
        let last = match last_name {
            None => "nothing",
            Some((_, false)) => "a removal",
            Some((name, true)) if name.starts_with(FIRST_SCN) => "its first segment",
            Some((_, true)) => "a further segment",
        };
        return format!("log/ after {last}");
    }
    let any = |name: &str| {
        let digits = name.bytes().take_while(u8::is_ascii_digit).count();
        if name.starts_with(FIRST_SCN) && path.starts_with("log/") {
            format!("first SCN{}", &name[digits..])
        } else if digits == 20 {
            format!("SCN{}", &name[digits..])
        } else if let Some(process) = name.strip_prefix(".building-")
            && process.bytes().all(|byte| byte.is_ascii_digit())
        {
            ".building-PID".to_owned()
        } else if name.starts_with(".tmp") {
            ".tmp".to_owned()
        } else if let Some((segment, extension)) = name.split_once('.')
            && segment.len() == 32
        {
            format!("SEGMENT.{extension}")
        } else {
            name.to_owned()
        }
    };
    let names: Vec<String> = path.split('/').map(any).collect();
    names.join("/").replace(".part-000000/SEGMENT", "SEGMENT")
}
