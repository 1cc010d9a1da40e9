//! A small disk that a test can fill: a tmpfs, which only root may mount. Without root nothing is
//! tested, and a line says so.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

const DISK_BYTES: u64 = 24 << 20;

/// A mounted tmpfs, which is unmounted on drop.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl SmallDisk {
    /// Mounts a tmpfs; `None` if this process does not run as root.
    pub fn mount() -> Option<Self> {
        let id = Command::new("id")
            .arg("-u")
            .output()
            .expect("id runs")
            .stdout;
        if id.trim_ascii() != b"0" {
            println!(
                "\n==== NOT TESTED: a full disk is a small tmpfs, \
                 and only root may mount one ====\n"
            );
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("disk");
        fs::create_dir(&path).expect("a folder");
        let size = format!("size={DISK_BYTES}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(&path)
            .output();
        let mounted = mounted.expect("mount runs");
        let said = String::from_utf8_lossy(&mounted.stderr).into_owned();
        assert!(
            mounted.status.success(),
            "root may not mount a tmpfs here: {said}"
        );
        Some(Self {
            path,
            _folder: folder,
        })
    }

    /// Fills the disk until no page is free.
    pub fn fill(&self) {
        let mut ballast = File::options()
            .create(true)
            .append(true)
            .open(self.ballast())
            .expect("a file");
        for bytes in [1 << 20, 4096, 1] {
            while ballast.write_all(&vec![1; bytes]).is_ok() {}
        }
    }

    /// Frees what [`fill`](Self::fill) took.
    pub fn make_room(&self) {
        fs::remove_file(self.ballast()).expect("the ballast was there");
    }

    /// Returns the folder at which it is mounted.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The unmount is lazy, so that a server that is being killed does not block it.
        let unmounted = Command::new("umount")
            .arg("--lazy")
            .arg(&self.path)
            .status();
        assert!(
            unmounted.is_ok_and(|status| status.success()),
            "{} stays mounted",
            self.path.display()
        );
    }
}
