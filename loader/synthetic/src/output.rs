//! The files of a dump: written under temporary names, and renamed when all of them are complete.

use std::{
    fs::{self, File},
    io::{self, Write},
    ops::Range,
    path::{Path, PathBuf},
};

use rayon::prelude::*;

use crate::{Error, progress::Stage};

/// The blocks that are rendered together: several a thread, so that no thread waits long for
/// another.
const BLOCKS_AT_A_TIME: usize = 16;

/// A file being written. Dropping it before it is finished deletes it.
#[derive(Debug)]
pub(super) struct OutputFile {
    path: PathBuf,
    partial: PathBuf,
    file: File,
    bytes: u64,
}

/// A finished file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFile {
    /// The path of the file.
    pub path: PathBuf,
    /// The length of the file.
    pub bytes: u64,
}

impl OutputFile {
    /// Creates the file `directory/name` under a temporary name.
    pub(super) fn create(directory: &Path, name: &str) -> Result<Self, Error> {
        let partial = directory.join(format!("{name}.partial"));
        let file = File::create(&partial).map_err(|source| Error::Write {
            path: partial.clone(),
            source,
        })?;
        Ok(OutputFile {
            path: directory.join(name),
            partial,
            file,
            bytes: 0,
        })
    }

    /// Appends text without buffering, so pass a large piece at a time.
    pub(super) fn write(&mut self, text: &[u8]) -> Result<(), Error> {
        self.bytes += text.len() as u64;
        self.file.write_all(text).map_err(|source| Error::Write {
            path: self.partial.clone(),
            source,
        })
    }

    /// Renames the file to its name, and replaces an earlier file of that name.
    pub(super) fn finish(self) -> Result<WrittenFile, Error> {
        fs::rename(&self.partial, &self.path).map_err(|source| Error::Write {
            path: self.path.clone(),
            source,
        })?;
        Ok(WrittenFile {
            path: self.path.clone(),
            bytes: self.bytes,
        })
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        // A finished file is already renamed. An error of the deletion cannot be returned from a
        // drop.
        let _ = fs::remove_file(&self.partial);
    }
}

/// Creates the directory when it does not exist.
pub(super) fn make_directory(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(|source| Error::MakeDirectory {
        path: path.to_path_buf(),
        source,
    })
}

/// Renders the items `0..items` on all threads, a block at a time, and writes the blocks in order.
/// A block has one text for each of the files.
pub(super) fn write_blocks<const FILES: usize>(
    files: &mut [OutputFile; FILES],
    items: usize,
    items_per_block: usize,
    stage: &Stage,
    render: impl Fn(Range<usize>) -> io::Result<[Vec<u8>; FILES]> + Sync,
) -> Result<(), Error> {
    let starts: Vec<usize> = (0..items).step_by(items_per_block).collect();
    for starts in starts.chunks(BLOCKS_AT_A_TIME) {
        let range = |&start: &usize| start..(start + items_per_block).min(items);
        let blocks: Vec<io::Result<_>> = starts.par_iter().map(range).map(&render).collect();
        for block in blocks {
            let texts = block.map_err(|source| Error::Write {
                path: files
                    .first()
                    .map(|file| file.partial.clone())
                    .unwrap_or_default(),
                source,
            })?;
            for (file, text) in files.iter_mut().zip(texts) {
                file.write(&text)?;
            }
        }
        stage.advance((starts.len() * items_per_block) as u64);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Progress;

    #[test]
    fn blocks_come_in_order_and_the_file_appears_when_finished() {
        let directory = tempfile::tempdir().unwrap();
        let mut files = [OutputFile::create(directory.path(), "numbers").unwrap()];
        let stage = Progress::silent().stage("numbers", 100);
        write_blocks(&mut files, 100, 7, &stage, |range| {
            Ok([range
                .map(|number| format!("{number}\n"))
                .collect::<String>()
                .into_bytes()])
        })
        .unwrap();
        assert!(!directory.path().join("numbers").exists());
        let [file] = files;
        let written = file.finish().unwrap();
        let text = fs::read_to_string(&written.path).unwrap();
        assert_eq!(text.len() as u64, written.bytes);
        assert!(
            text.lines()
                .map(|line| line.parse::<u32>().unwrap())
                .eq(0..100)
        );
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_unfinished_file_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        drop(OutputFile::create(directory.path(), "numbers").unwrap());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
