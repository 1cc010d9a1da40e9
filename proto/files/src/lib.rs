//! How every part of The Cloud opens files and folders.
//!
//! | request | file |
//! |---|---|
//! | open a file, but never a FIFO, a device or a folder | `plain_file.rs` |
//! | open a folder, and detect that it was moved, replaced or deleted | `folder.rs` |
//! | tell a shortage from other errors of the system | `shortage.rs` |
//! | create folders durably, and make files and folders durable | `durable.rs` |
//! | copy files into a folder that appears complete or not at all | `folder_copy.rs` |
//! | admit one process at a time to a folder | `folder_lock.rs` |
//! | keep what a process writes from other users | `private.rs` |
//!
//! The crate knows no format: neither logs, nor snapshots, nor configurations.

mod durable;
mod folder;
mod folder_copy;
mod folder_lock;
mod plain_file;
mod private;
mod shortage;

pub use durable::{PathError, create_folder, sync_above, sync_folders, sync_path, sync_tree};
pub use folder::{FileIdentity, Folder, NotInPlace, is_not_in_place};
pub use folder_copy::{CopyError, FolderCopy, Taking};
pub use folder_lock::{FolderLock, LockError};
pub use plain_file::{
    NotPlain, check_plain, is_not_plain, open_plain, open_plain_with, remove_any,
};
pub use private::keep_private;
pub use shortage::is_shortage;
