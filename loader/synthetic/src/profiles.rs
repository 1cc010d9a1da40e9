//! Writes members.csv and positions.csv: a row for each member, and a row for each of the member's
//! positions.

use std::{
    io,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    Error,
    career::{Kind, Moment},
    output::{OutputFile, write_blocks},
    profile::Profile,
    progress::Progress,
    random::{Purpose, stream},
    site::Site,
};

const MEMBERS_HEADER: &[u8] =
    b"member_id,given_name,family_name,display_name,headline,place,region,country,\
industry,summary,skills\n";
const POSITIONS_HEADER: &[u8] =
    b"member_id,position_id,kind,organisation,title,country,from,to,current\n";
/// The members of a block. Each block has its own generator, so another number changes the site of
/// every seed.
const MEMBERS_PER_BLOCK: usize = 4_096;
const MEMBER_ROW_BYTES: usize = 320;
const POSITION_ROWS_BYTES: usize = 240;

/// Writes both files, and returns the number of positions. The caller finishes the files.
pub(super) fn write_profiles(
    site: &Site,
    seed: u64,
    directory: &Path,
    progress: &Progress,
) -> Result<([OutputFile; 2], u64), Error> {
    let stage = progress.stage("writing profiles", site.people.len() as u64);
    let mut members = OutputFile::create(directory, "members.csv")?;
    members.write(MEMBERS_HEADER)?;
    let mut positions = OutputFile::create(directory, "positions.csv")?;
    positions.write(POSITIONS_HEADER)?;
    let mut files = [members, positions];
    let count = AtomicU64::new(0);
    write_blocks(
        &mut files,
        site.people.len(),
        MEMBERS_PER_BLOCK,
        &stage,
        |range| {
            let mut random = stream(
                seed,
                Purpose::Profiles,
                (range.start / MEMBERS_PER_BLOCK) as u32,
            );
            let mut rows = Rows::new(range.len());
            for number in range {
                let person = &site.people[number];
                let profile = Profile::draw(person, &site.organisations, seed, &mut random);
                rows.push(site.edges.ids.of(number as u32), &profile)?;
                count.fetch_add(profile.career.positions.len() as u64, Ordering::Relaxed);
            }
            rows.finish()
        },
    )?;
    stage.finish();
    Ok((files, count.into_inner()))
}

/// The rows of one block, for both files.
struct Rows {
    members: csv::Writer<Vec<u8>>,
    positions: csv::Writer<Vec<u8>>,
}

impl Rows {
    fn new(members: usize) -> Self {
        let writer = |bytes| csv::Writer::from_writer(Vec::with_capacity(members * bytes));
        Rows {
            members: writer(MEMBER_ROW_BYTES),
            positions: writer(POSITION_ROWS_BYTES),
        }
    }

    fn push(&mut self, member_id: u64, profile: &Profile) -> io::Result<()> {
        let mut digits = itoa::Buffer::new();
        let member_id = digits.format(member_id);
        self.members.write_record([
            member_id,
            &profile.name.given,
            &profile.name.family,
            &profile.name.displayed,
            &profile.headline,
            profile.place.name,
            profile.place.region,
            profile.country,
            profile.career.industry.name,
            &profile.summary,
            &profile.skills.join(";"),
        ])?;
        for (number, position) in profile.career.positions.iter().enumerate() {
            let mut digits = itoa::Buffer::new();
            self.positions.write_record([
                member_id,
                digits.format(number + 1),
                match position.kind {
                    Kind::Work => "work",
                    Kind::Education => "education",
                },
                &position.organisation,
                &position.title,
                position.country,
                &text_of(position.from),
                &position.to.map(text_of).unwrap_or_default(),
                if position.to.is_none() {
                    "true"
                } else {
                    "false"
                },
            ])?;
        }
        Ok(())
    }

    fn finish(self) -> io::Result<[Vec<u8>; 2]> {
        let text =
            |writer: csv::Writer<Vec<u8>>| writer.into_inner().map_err(|error| error.into_error());
        Ok([text(self.members)?, text(self.positions)?])
    }
}

/// Formats a moment as `2019` or `2019-06`.
fn text_of(moment: Moment) -> String {
    match moment.month {
        Some(month) => format!("{:04}-{month:02}", moment.year),
        None => format!("{:04}", moment.year),
    }
}
