//! The profiles and the index of a snapshot that is made from a dump without profiles.
//!
//! Neither file grows with the number of members. Profiles that arrive through the log later go to
//! the live stores, as for every site.

use crate::{
    index::{
        base_index::{BASE_INDEX_NAME, open_silent_base},
        base_index_writer::{index_builder, sync_files},
        index_error::IndexError,
    },
    profiles::{
        profile_file::{PROFILES_NAME, ProfileFile},
        profile_header::{Content, HEADER_BYTES, Header},
    },
};
use cloud_engine::{ContentDigest, FileError, FileRole, ManifestFile};
use cloud_model::LineageId;
use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
};

/// Profiles and index in which each node of a snapshot has an empty profile.
#[derive(Clone, Copy, Debug)]
pub struct NoProfiles {
    node_count: u32,
}

impl NoProfiles {
    /// Creates the profiles of the nodes below `node_count`.
    #[must_use]
    pub fn new(node_count: u32) -> Self {
        Self { node_count }
    }

    /// Returns a digest of the profiles: of their number, and of the fact that they are empty.
    #[must_use]
    pub fn content_digest(&self) -> ContentDigest {
        ContentDigest::of(format!("{} empty profiles", self.node_count).as_bytes())
    }

    /// Writes profiles and index into a snapshot's directory, which must have neither, and syncs
    /// their files.
    ///
    /// # Errors
    /// If the system or tantivy reports an error, or if there are more than
    /// [`NODES_MAX`](crate::NODES_MAX) nodes.
    pub fn write(
        &self,
        snapshot: &Path,
        lineage: LineageId,
    ) -> Result<Vec<ManifestFile>, IndexError> {
        let mut files = vec![self.write_profiles(snapshot, lineage)?];
        let path = snapshot.join(BASE_INDEX_NAME);
        fs::create_dir(&path).map_err(|source| FileError::Io {
            path: path.clone(),
            source,
        })?;
        let made = index_builder().create_in_dir(&path);
        made.map_err(IndexError::tantivy(&path))?;
        open_silent_base(&path)?;
        files.extend(sync_files(&path)?);
        Ok(files)
    }

    fn write_profiles(
        &self,
        snapshot: &Path,
        lineage: LineageId,
    ) -> Result<ManifestFile, FileError> {
        let path = snapshot.join(PROFILES_NAME);
        let content = Content::Silent(self.node_count);
        let header = Header { lineage, content }.to_bytes();
        File::create_new(&path)
            .and_then(|mut file| file.write_all(&header).and_then(|()| file.sync_all()))
            .map_err(|source| FileError::Io {
                path: path.clone(),
                source,
            })?;
        ProfileFile::open(&path, lineage)?;
        Ok(ManifestFile::new(
            FileRole::Profiles,
            PROFILES_NAME.to_owned(),
            HEADER_BYTES,
            crc32c::crc32c(&header),
        ))
    }
}
