//! Writes the files of a snapshot that describe its members: the profiles and the index. For a dump
//! without profiles they are the same few bytes for any number of members.

use std::path::Path;

use cloud_engine::{ContentDigest, ManifestFile, NodeIndex};
use cloud_model::LineageId;
use cloud_search::{
    BASE_INDEX_NAME, BaseIndexWriter, NoProfiles, PROFILES_NAME, ProfileFileWriter,
};

use crate::{
    job::{
        error::Error,
        progress::{Progress, Unit},
    },
    snapshot::{
        database::without_member::WithoutMember,
        people::{
            profiles::ProfileCounts, profiles_by_node::ProfilesByNode, segment_name::name_segment,
        },
        rejects::Rejects,
    },
};

/// The number of indexing threads. It is fixed, so that every machine builds the same index.
const INDEX_THREADS: usize = 2;

/// The profiles and the index of a snapshot that is being built. Their headers are written when the
/// lineage is known: the profiles are a part of it.
pub(crate) enum PeopleFiles<'a> {
    /// The files of a dump without profiles.
    Empty(NoProfiles),
    /// The profiles, which are written already.
    Written(Box<Written<'a>>),
}

/// The written profiles, which can be read once more for the index.
pub(crate) struct Written<'a> {
    by_node: ProfilesByNode<'a>,
    profiles: ProfileFileWriter,
    members: u64,
    counts: (ProfileCounts, WithoutMember),
}

impl<'a> PeopleFiles<'a> {
    /// Writes the profiles.
    pub(crate) fn write(
        by_node: ProfilesByNode<'a>,
        rejects: &Rejects,
        directory: &Path,
        progress: &mut Progress,
    ) -> Result<Self, Error> {
        let mut profiles = ProfileFileWriter::create(&directory.join(PROFILES_NAME))?;
        let mut reader = by_node.reader(Some(rejects))?;
        let mut members = 0;
        while let Some(profile) = reader.next()? {
            profiles.push(&profile)?;
            members += 1;
            progress.advance_one();
        }
        let counts = reader.counts();
        drop(reader);
        Ok(Self::Written(Box::new(Written {
            by_node,
            profiles,
            members,
            counts,
        })))
    }

    /// Returns the digest of the profiles' content.
    pub(crate) fn content_digest(&self) -> ContentDigest {
        match self {
            Self::Empty(people) => people.content_digest(),
            Self::Written(written) => written.profiles.content_digest(),
        }
    }

    /// Returns the numbers of positions and of repeated rows, and of rows without a member.
    pub(crate) fn counts(&self) -> (ProfileCounts, WithoutMember) {
        match self {
            Self::Empty(_) => Default::default(),
            Self::Written(written) => written.counts,
        }
    }

    /// Seals the profiles and writes the index.
    pub(crate) fn finish(
        self,
        lineage: LineageId,
        directory: &Path,
        index_bytes: usize,
        progress: &mut Progress,
    ) -> Result<Vec<ManifestFile>, Error> {
        match self {
            Self::Empty(people) => Ok(people.write(directory, lineage)?),
            Self::Written(written) => {
                let mut files = vec![written.profiles.finish(lineage)?];
                progress.begin("index profiles", written.members, Unit::Members);
                files.extend(write_index(
                    &written.by_node,
                    directory,
                    index_bytes,
                    progress,
                )?);
                Ok(files)
            }
        }
    }
}

fn write_index(
    by_node: &ProfilesByNode<'_>,
    directory: &Path,
    memory_bytes: usize,
    progress: &mut Progress,
) -> Result<Vec<ManifestFile>, Error> {
    let mut writer = BaseIndexWriter::create(
        &directory.join(BASE_INDEX_NAME),
        memory_bytes,
        INDEX_THREADS,
    )?;
    let mut profiles = by_node.reader(None)?;
    let mut nodes = (0..).map(NodeIndex::new);
    while let (Some(profile), Some(node)) = (profiles.next()?, nodes.next()) {
        writer.push(node, &profile)?;
        progress.advance_one();
    }
    name_segment(directory, writer.finish()?)
}
