//! A disk at a power loss: all writes are visible before it, and synced writes remain after it.
//!
//! The model is stricter than most file systems, so that each sync is needed on some of them. The
//! names of each folder and the bytes of each file become durable by their own sync only.
//!
//! A power loss keeps the names up to some point of their folder's journal, or only the last
//! change. It keeps bytes by sectors of 512. After a failed sync, as with Linux, the written bytes
//! read back and are no longer dirty. No later sync makes them durable, and a power loss keeps them
//! by chance.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use crate::file::{DataChange, File};
use crate::folder::{Folder, apply_names};
use crate::journal::State;
use crate::tree::Tree;

/// The number of a file or a folder, independent of its names.
pub(crate) type Number = usize;

/// The root folder.
pub(crate) const ROOT: Number = 0;

/// A simulated disk.
#[derive(Clone)]
pub(crate) struct Disk {
    nodes: Vec<Node>,
}

#[derive(Clone)]
enum Node {
    Folder(Folder),
    File(File),
}

/// The parts of the changes without a sync that a power loss keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loss {
    pub(crate) names: Names,
    pub(crate) data: Data,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    Kept,
    Lost,
    /// In each folder, the changes up to some point are kept.
    Prefix,
    /// In each folder, only the last change is kept: not every file system keeps a folder's changes
    /// in order.
    Last,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    Kept,
    Lost,
    /// The lengths are kept, but not the bytes.
    Zeros,
    /// In each file, the bytes up to some sector are kept.
    Torn,
    /// Each sector is kept or lost on its own.
    Sectors,
}

impl Disk {
    /// Returns a disk on which everything is durable.
    pub(crate) fn holding(tree: &Tree) -> Self {
        let mut disk = Self {
            nodes: vec![Node::Folder(Folder::default())],
        };
        for path in &tree.folders {
            disk.make_folder(path);
        }
        for (path, bytes) in &tree.files {
            let file = disk.create(path);
            disk.write(file, 0, bytes);
        }
        for number in 0..disk.nodes.len() {
            let mark = disk.mark(number);
            disk.sync(number, mark, true);
        }
        disk
    }

    /// Returns the file or folder at this path.
    pub(crate) fn find(&self, path: &str) -> Option<Number> {
        let mut at = ROOT;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            at = *self.folder(at)?.names.get(name)?;
        }
        Some(at)
    }

    /// Returns the current path; `None` if it no longer has a name.
    pub(crate) fn path(&self, number: Number) -> Option<String> {
        self.path_below(ROOT, "", number)
    }

    fn path_below(&self, folder: Number, path: &str, number: Number) -> Option<String> {
        if folder == number {
            return Some(path.to_owned());
        }
        self.folder(folder)?.names.iter().find_map(|(name, &node)| {
            let path = join(path, name);
            if node == number {
                Some(path)
            } else {
                self.path_below(node, &path, number)
            }
        })
    }

    /// Returns the last name that was added or removed in a folder, if that is not durable yet.
    /// True: it was added.
    pub(crate) fn last_name(&self, number: Number) -> Option<(&str, bool)> {
        let (_, _, changes) = self.folder(number)?.journal.changes.last()?;
        let (name, number) = changes.last()?;
        Some((name, number.is_some()))
    }

    pub(crate) fn bytes(&self, number: Number) -> &[u8] {
        match &self.nodes[number] {
            Node::File(file) => &file.cached,
            Node::Folder(_) => panic!("a folder has no bytes"),
        }
    }

    pub(crate) fn create(&mut self, path: &str) -> Number {
        self.nodes.push(Node::File(File::default()));
        self.name(path, self.nodes.len() - 1)
    }

    pub(crate) fn make_folder(&mut self, path: &str) -> Number {
        self.nodes.push(Node::Folder(Folder::default()));
        self.name(path, self.nodes.len() - 1)
    }

    pub(crate) fn link(&mut self, from: &str, to: &str) {
        let number = self.find(from).expect("what is linked is there");
        self.name(to, number);
    }

    pub(crate) fn remove(&mut self, path: &str) {
        let (folder, name) = self.parent(path);
        self.change_names(folder, vec![(name, None)]);
    }

    /// Renames a file or folder: atomically within one folder. Between two folders, a power loss
    /// may keep one half only.
    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        let number = self.find(from).expect("what is renamed is there");
        let (from_folder, from_name) = self.parent(from);
        let (to_folder, to_name) = self.parent(to);
        if from_folder == to_folder {
            let changes = vec![(from_name, None), (to_name, Some(number))];
            self.change_names(from_folder, changes);
        } else {
            self.change_names(to_folder, vec![(to_name, Some(number))]);
            self.change_names(from_folder, vec![(from_name, None)]);
        }
    }

    pub(crate) fn write(&mut self, number: Number, at: u64, bytes: &[u8]) {
        let change = DataChange::Written {
            at: at as usize,
            bytes: bytes.into(),
        };
        self.change_data(number, change);
    }

    pub(crate) fn cut(&mut self, number: Number, bytes: u64) {
        let bytes = bytes as usize;
        self.change_data(number, DataChange::Cut { bytes });
    }

    /// Returns the mark of a sync that begins now: the changes before it are synced.
    pub(crate) fn mark(&self, number: Number) -> u64 {
        match &self.nodes[number] {
            Node::Folder(folder) => folder.journal.next,
            Node::File(file) => file.journal.next,
        }
    }

    /// Ends a sync that began at the mark.
    pub(crate) fn sync(&mut self, number: Number, mark: u64, is_good: bool) {
        let becomes = if is_good {
            State::Durable
        } else {
            State::Forgotten
        };
        match &mut self.nodes[number] {
            Node::Folder(folder) => {
                // A journal of names is written in order: a later sync writes it as a whole.
                if is_good {
                    folder.journal.sync(mark, State::Durable);
                }
                for change in folder.journal.settled() {
                    apply_names(&mut folder.durable, &change);
                }
            }
            Node::File(file) => {
                file.journal.sync(mark, becomes);
                for change in file.journal.settled() {
                    change.apply(Arc::make_mut(&mut file.durable));
                }
            }
        }
    }

    /// Returns the disk as it reads now.
    pub(crate) fn tree(&self) -> Tree {
        let mut tree = Tree::default();
        self.collect(
            ROOT,
            "",
            &mut tree,
            &mut |folder| folder.names.clone(),
            &mut |file| Arc::clone(&file.cached),
        );
        tree
    }

    /// Returns the disk as it reads after a power loss now.
    pub(crate) fn after(&self, loss: Loss, random: &mut ChaCha8Rng) -> Tree {
        let mut tree = Tree::default();
        let mut random_of_names = random.clone();
        let mut contents: BTreeMap<*const File, Arc<Vec<u8>>> = BTreeMap::new();
        self.collect(
            ROOT,
            "",
            &mut tree,
            &mut |folder| folder.after(loss.names, &mut random_of_names),
            &mut |file| {
                // All names of a file lead to the same bytes.
                let content = contents.entry(std::ptr::from_ref(file));
                content
                    .or_insert_with(|| file.after(loss.data, random))
                    .clone()
            },
        );
        tree
    }

    fn collect(
        &self,
        at: Number,
        path: &str,
        tree: &mut Tree,
        names: &mut impl FnMut(&Folder) -> BTreeMap<String, Number>,
        bytes: &mut impl FnMut(&File) -> Arc<Vec<u8>>,
    ) {
        match &self.nodes[at] {
            Node::Folder(folder) => {
                if !path.is_empty() {
                    tree.folders.insert(path.to_owned());
                }
                for (name, number) in names(folder) {
                    self.collect(number, &join(path, &name), tree, names, bytes);
                }
            }
            Node::File(file) => {
                tree.files.insert(path.to_owned(), bytes(file));
            }
        }
    }

    fn folder(&self, number: Number) -> Option<&Folder> {
        match &self.nodes[number] {
            Node::Folder(folder) => Some(folder),
            Node::File(_) => None,
        }
    }

    fn parent(&self, path: &str) -> (Number, String) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let number = self.find(folder);
        let number = number.unwrap_or_else(|| panic!("no folder {folder:?}"));
        (number, name.to_owned())
    }

    fn name(&mut self, path: &str, number: Number) -> Number {
        let (folder, name) = self.parent(path);
        self.change_names(folder, vec![(name, Some(number))]);
        number
    }

    fn change_names(&mut self, folder: Number, changes: Vec<(String, Option<Number>)>) {
        match &mut self.nodes[folder] {
            Node::Folder(folder) => {
                apply_names(&mut folder.names, &changes);
                folder.journal.push(changes);
            }
            Node::File(_) => panic!("a file has no names"),
        }
    }

    fn change_data(&mut self, number: Number, change: DataChange) {
        match &mut self.nodes[number] {
            Node::File(file) => {
                change.apply(Arc::make_mut(&mut file.cached));
                file.journal.push(change);
            }
            Node::Folder(_) => panic!("a folder has no bytes"),
        }
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}
