//! The files of a dump: written beside their names, and renamed when all of them are whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::Error;
use crate::progress::Stage;

/// Blocks that are rendered at a time: several a thread, so that none waits long for another.
const BLOCKS_AT_A_TIME: usize = 16;

/// A file that is being written. It is removed when it is dropped before it was finished.
#[derive(Debug)]
pub(super) struct OutputFile {
    path: PathBuf,
    partial: PathBuf,
    file: File,
    bytes: u64,
}

/// A file that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFile {
    /// Where it is.
    pub path: PathBuf,
    /// How long it is.
    pub bytes: u64,
}

impl OutputFile {
    /// Begins the file `directory/name` under a name of its own.
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

    /// Appends text; a good deal of it at a time, as nothing is buffered here.
    pub(super) fn write(&mut self, text: &[u8]) -> Result<(), Error> {
        self.bytes += text.len() as u64;
        self.file.write_all(text).map_err(|source| Error::Write {
            path: self.partial.clone(),
            source,
        })
    }

    /// Gives the file its name, replacing what had it.
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
        // Finished files have gone from this name, and there is nobody to tell about one that cannot be removed.
        let _ = fs::remove_file(&self.partial);
    }
}

/// Makes the directory when it is not there.
pub(super) fn make_directory(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(|source| Error::MakeDirectory {
        path: path.to_path_buf(),
        source,
    })
}

/// Renders the items `0..items` on all threads, a block of them at a time, and writes the blocks in order.
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
