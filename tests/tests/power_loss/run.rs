//! Runs several lives one after the other on one disk, with the disk at every moment of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use cloud_tests::site;
use tempfile::TempDir;

use crate::disk::Disk;
use crate::life::{Life, Promise, Script};
use crate::recovery::{Promised, written};
use crate::replay::{Effect, Replay};
use crate::story::Story;
use crate::trace::{Event, on_their_way};
use crate::tree::Tree;

/// Several lives on one disk.
pub(crate) struct Run {
    root: String,
    beginning: Tree,
    lives: Vec<Life>,
    /// True for each event that changed or synced something, by life and event.
    effective: Vec<Vec<bool>>,
    promised: Promised,
}

/// A moment at which the power may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) life: usize,
    /// The event before which the power fails. The number of events means after the life.
    pub(crate) event: usize,
}

impl Run {
    /// Runs the scripts on a new site.
    pub(crate) async fn on_a_new_site(story: &Story, scripts: &[Script]) -> Self {
        let folder = written(&Tree::default());
        site::build(story.beginning(), folder.path());
        let promised = Promised {
            built: true,
            ..Promised::default()
        };
        Self::on(folder, story, scripts, promised).await
    }

    /// Runs the scripts where there is no site yet.
    pub(crate) async fn on_nothing(story: &Story, scripts: &[Script]) -> Self {
        let folder = written(&Tree::default());
        Self::on(folder, story, scripts, Promised::default()).await
    }

    /// Runs the scripts on a disk after a power loss.
    pub(crate) async fn after(
        tree: &Tree,
        promised: Promised,
        story: &Story,
        scripts: &[Script],
    ) -> Self {
        Self::on(written(tree), story, scripts, promised).await
    }

    async fn on(folder: TempDir, story: &Story, scripts: &[Script], promised: Promised) -> Self {
        let root = folder.path().canonicalize().expect("a folder");
        let beginning = read(&root);
        let root_name = root.to_str().expect("UTF-8").to_owned();
        let mut replay = Replay::new(Disk::holding(&beginning), &root_name);
        let (mut lives, mut effective, mut acknowledged) =
            (Vec::new(), Vec::new(), promised.windows);
        for script in scripts {
            let mut life = script.live(&root, story, acknowledged).await;
            acknowledged = acknowledged.max(life.acknowledged);
            let take =
                |replay: &mut Replay, event: &Event| replay.take(event, true) != Effect::Nothing;
            let mut effects: Vec<bool> = life
                .events
                .iter()
                .map(|event| take(&mut replay, event))
                .collect();
            let real = read(&root);
            for event in on_their_way(&life.events) {
                let mut with = replay.clone();
                let effect = take(&mut with, &event);
                if differing(&with.disk.tree(), &real).len()
                    < differing(&replay.disk.tree(), &real).len()
                {
                    replay = with;
                    effects.push(effect);
                    life.events.push(event);
                }
            }
            let differing = differing(&replay.disk.tree(), &real);
            assert!(
                differing.is_empty(),
                "the trace does not lead to what is there: {differing:?} after {script:?}"
            );
            effective.push(effects);
            lives.push(life);
            replay = replay.next_process();
        }
        Self {
            root: root_name,
            beginning,
            lives,
            effective,
            promised,
        }
    }

    /// Visits the disk before each event that changes or syncs something, and after each life.
    /// `is_done` says for each sync, by its kind, whether it makes anything durable.
    pub(crate) fn go_through(
        &self,
        is_done: &dyn Fn(&str) -> bool,
        visit: &mut dyn FnMut(Moment, &Disk, Promised) -> bool,
    ) {
        let mut replay = Replay::new(Disk::holding(&self.beginning), &self.root);
        let mut promised = self.promised;
        for (number, life) in self.lives.iter().enumerate() {
            promised.overlay = false;
            let mut promises = life.promises.iter().peekable();
            for (at, event) in life.events.iter().enumerate() {
                if self.effective[number][at] {
                    while let Some((_, promise)) = promises.next_if(|(time, _)| *time <= event.time)
                    {
                        promised.keep(*promise);
                    }
                    let moment = Moment {
                        life: number,
                        event: at,
                    };
                    if !visit(moment, &replay.disk, promised) {
                        return;
                    }
                }
                let is_done = match replay.sync_of(event) {
                    Some(kind) => is_done(&self.kind(number, event.time, &kind)),
                    None => true,
                };
                replay.take(event, is_done);
            }
            promises.for_each(|(_, promise)| promised.keep(*promise));
            let moment = Moment {
                life: number,
                event: life.events.len(),
            };
            if !visit(moment, &replay.disk, promised) {
                return;
            }
            replay = replay.next_process();
        }
    }

    /// Returns the disk after the last life, and the promises by then.
    pub(crate) fn end(&self) -> (Tree, Promised) {
        let mut end = None;
        self.go_through(&|_| true, &mut |moment, disk, promised| {
            if moment.event == self.lives[moment.life].events.len() {
                end = Some((disk.tree(), promised));
            }
            true
        });
        end.expect("a run has a life")
    }

    /// Returns the kinds of all syncs.
    pub(crate) fn sync_kinds(&self) -> BTreeSet<String> {
        let kinds = std::cell::RefCell::new(BTreeSet::new());
        let note = |kind: &str| {
            kinds.borrow_mut().insert(kind.to_owned());
            true
        };
        self.go_through(&note, &mut |_, _, _| true);
        kinds.into_inner()
    }

    pub(crate) fn describe(&self, moment: Moment) -> String {
        let events = &self.lives[moment.life].events;
        match events.get(moment.event) {
            Some(event) => {
                let call = event.call.described();
                format!(
                    "in life {} before event {}, {call}",
                    moment.life, moment.event
                )
            }
            None => format!("after life {}", moment.life),
        }
    }

    /// Returns the kind of a sync. Syncs of a log while a server starts on an existing log are
    /// kinds of their own.
    fn kind(&self, life: usize, time: u64, kind: &str) -> String {
        let is_of_start = self.is_there(life) && time < self.lives[life].ready;
        match kind.strip_prefix("log/") {
            Some(name) if is_of_start && name.starts_with(' ') => "start: log/".to_owned(),
            Some(name) if is_of_start => {
                format!("start: log/{}", name.trim_start_matches("first "))
            }
            _ => kind.to_owned(),
        }
    }

    /// Returns whether a life begins with an existing log.
    fn is_there(&self, life: usize) -> bool {
        let mut earlier = self.lives[..life].iter();
        earlier.any(|life| life.serves) || self.beginning.folders.contains("log")
    }
}

impl Promised {
    fn keep(&mut self, promise: Promise) {
        match promise {
            Promise::Built => self.built = true,
            Promise::Windows(scn) => self.windows = self.windows.max(scn),
            Promise::Snapshot(scn) => self.snapshot = self.snapshot.max(scn),
            Promise::Overlay => self.overlay = true,
        }
    }
}

/// Returns the paths that are in one of the two only, or differ between them.
fn differing(one: &Tree, other: &Tree) -> BTreeSet<String> {
    let files = one.files.keys().chain(other.files.keys());
    let files = files.filter(|path| one.files.get(*path) != other.files.get(*path));
    files
        .chain(one.folders.symmetric_difference(&other.folders))
        .cloned()
        .collect()
}

/// Returns the folders of site and log.
fn read(root: &Path) -> Tree {
    let mut tree = Tree::default();
    for name in ["snapshot", "log"] {
        if root.join(name).is_dir() {
            read_into(&root.join(name), name, &mut tree);
        }
    }
    tree
}

fn read_into(folder: &Path, path: &str, tree: &mut Tree) {
    tree.folders.insert(path.to_owned());
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let below = format!("{path}/{}", entry.file_name().to_str().expect("UTF-8"));
        if entry.path().is_dir() {
            read_into(&entry.path(), &below, tree);
        } else {
            let bytes = fs::read(entry.path()).expect("a file");
            tree.files.insert(below, Arc::new(bytes));
        }
    }
}
