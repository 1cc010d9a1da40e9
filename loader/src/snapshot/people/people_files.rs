//! The files of a snapshot that say who its members are: profiles and index. Of a dump that says nothing about people they are the
//! same few bytes for any number of members.

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
        people::{
            profiles::ProfileCounts, profiles_by_node::ProfilesByNode, segment_name::name_segment,
        },
        rejects::Rejects,
    },
};

/// Always as many, so that the index is put together alike on every machine.
const INDEX_THREADS: usize = 2;

/// Profiles and index on their way into the snapshot: their headers wait for the lineage, to which the profiles belong.
pub(crate) enum PeopleFiles<'a> {
    /// The dump says nothing about people.
    Silent(NoProfiles),
    /// The profiles are written.
    Told(Box<Told<'a>>),
}

/// Profiles that are written, and may be gone through once more.
pub(crate) struct Told<'a> {
    by_node: ProfilesByNode<'a>,
    profiles: ProfileFileWriter,
    members: u64,
    counts: ProfileCounts,
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
        Ok(Self::Told(Box::new(Told {
            by_node,
            profiles,
            members,
            counts,
        })))
    }

    /// Of what the profiles say.
    pub(crate) fn content_digest(&self) -> ContentDigest {
        match self {
            Self::Silent(people) => people.content_digest(),
            Self::Told(told) => told.profiles.content_digest(),
        }
    }

    /// What was found on the way.
    pub(crate) fn counts(&self) -> ProfileCounts {
        match self {
            Self::Silent(_) => ProfileCounts::default(),
            Self::Told(told) => told.counts,
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
            Self::Silent(people) => Ok(people.write(directory, lineage)?),
            Self::Told(told) => {
                let mut files = vec![told.profiles.finish(lineage)?];
                progress.begin("index profiles", told.members, Unit::Members);
                files.extend(write_index(
                    &told.by_node,
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
