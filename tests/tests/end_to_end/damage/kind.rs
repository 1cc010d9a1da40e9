//! The kinds of damage.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

/// A kind of damage to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Missing,
    Empty,
    /// The second half is missing.
    Cut,
    /// A bit in the middle is flipped.
    Flipped,
    Folder,
    Fifo,
    /// A link to the file, which has moved: no damage.
    Link,
    /// A link to `/dev/zero`.
    Endless,
}

impl Kind {
    pub(super) const ALL: [Self; 8] = [
        Self::Missing,
        Self::Empty,
        Self::Cut,
        Self::Flipped,
        Self::Folder,
        Self::Fifo,
        Self::Link,
        Self::Endless,
    ];

    /// Returns whether a plain file, or nothing, is at the path afterwards.
    pub(super) fn is_plain(self) -> bool {
        !matches!(self, Self::Folder | Self::Fifo | Self::Endless)
    }

    /// Damages a file. Other links to its content keep it.
    pub(super) fn apply(self, path: &Path) {
        let content = fs::read(path).expect("the file was there");
        let moved = path.with_extension("moved");
        fs::rename(path, &moved).expect("the file was there");
        match self {
            Self::Missing => {}
            Self::Empty => fs::write(path, "").expect("a file"),
            Self::Cut => fs::write(path, &content[..content.len() / 2]).expect("a file"),
            Self::Flipped => {
                let mut flipped = content;
                let middle = flipped.len() / 2;
                if let Some(byte) = flipped.get_mut(middle) {
                    *byte ^= 16;
                }
                fs::write(path, flipped).expect("a file");
            }
            Self::Folder => fs::create_dir(path).expect("a folder"),
            Self::Fifo => {
                let made = Command::new("mkfifo").arg(path).status();
                assert!(made.expect("mkfifo runs").success());
            }
            Self::Link => return symlink(&moved, path).expect("a link"),
            Self::Endless => symlink("/dev/zero", path).expect("a link"),
        }
        fs::remove_file(moved).expect("the file was moved");
    }
}
