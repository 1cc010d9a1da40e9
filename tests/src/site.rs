//! Builds a small site: writes the rows as CSV files, and runs the loader on them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::binaries::binary;
use crate::model::Model;

/// The options for the columns of the dumps whose names differ from the loader's.
const MAP: [&str; 2] = [
    "--map",
    "connections:member=member_id,other=other_id,time=connected_at:ms",
];
/// The options for the order of nodes. It differs from the order of ids, so that an answer that
/// depends on node numbers differs from the model's.
const ORDER: [&str; 2] = ["--order", "community"];
const FILES: [&str; 6] = [
    "--members",
    "members.csv",
    "--positions",
    "positions.csv",
    "--connections",
    "connections.csv",
];

/// Writes `model` as dumps below `folder`, and builds `folder/snapshot` from them with the real
/// loader.
pub fn build(model: &Model, folder: &Path) {
    build_with(model, folder, &ORDER);
}

/// Builds a site like [`build`], under another program. `wrapper` is that program and its
/// arguments. The program must become the loader's process.
pub fn build_under(wrapper: &[&str], model: &Model, folder: &Path) {
    write_dump(model, folder);
    let (program, arguments) = wrapper.split_first().expect("a program");
    let mut command = Command::new(program);
    command.args(arguments).arg(binary("loader"));
    let options = [&MAP[..], &ORDER].concat();
    run(command, folder, &folder.join("snapshot"), &FILES, &options);
}

/// Builds a site like [`build`], with these options.
pub fn build_with(model: &Model, folder: &Path, options: &[&str]) {
    write_dump(model, folder);
    load(folder, &FILES, &[&MAP, options].concat());
}

fn write_dump(model: &Model, folder: &Path) {
    let mut members = String::from(
        "member_id,given_name,family_name,display_name,headline,\
         place,region,country,industry,summary,skills,key,attributes\n",
    );
    let mut positions =
        String::from("member_id,position_id,kind,organisation,title,country,from,to,current\n");
    let mut connections = String::from("member_id,other_id,connected_at\n");
    for (id, member) in model.members() {
        let profile = &member.profile;
        let attributes = profile.attributes.iter();
        let attributes: Vec<_> = attributes
            .map(|(name, text)| format!("{name}={text}"))
            .collect();
        writeln!(
            members,
            "{id},{},{},{},{},{},{},{},{},{},{},{},{}",
            profile.given_name,
            profile.family_name,
            profile.display_name,
            profile.headline,
            profile.place,
            profile.region,
            profile.country,
            profile.industry,
            profile.summary,
            profile.skills.join(";"),
            profile.key,
            attributes.join(";")
        )
        .expect("writing to a string");
        for (position_id, position) in &member.positions {
            writeln!(
                positions,
                "{id},{position_id},work,{},{},,,,true",
                position.organisation, position.title
            )
            .expect("writing to a string");
        }
        for (other, time) in member.connections.iter().filter(|(other, _)| **other > id) {
            writeln!(connections, "{id},{other},{time}").expect("writing to a string");
        }
    }
    fs::write(folder.join("members.csv"), members).expect("members.csv");
    fs::write(folder.join("positions.csv"), positions).expect("positions.csv");
    fs::write(folder.join("connections.csv"), connections).expect("connections.csv");
}

/// Runs `loader build` in `folder`, with `--out snapshot`. Panics with its output if it fails.
pub fn load(folder: &Path, files: &[&str], options: &[&str]) {
    let command = Command::new(binary("loader"));
    run(command, folder, Path::new("snapshot"), files, options);
}

fn run(mut command: Command, folder: &Path, out: &Path, files: &[&str], options: &[&str]) {
    let output = command
        .current_dir(folder)
        .arg("build")
        .args(files)
        .args(options)
        .arg("--out")
        .arg(out)
        .output()
        .expect("the loader's binary starts");
    assert!(
        output.status.success(),
        "loader build: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Returns the lineage of the newest snapshot in a folder, as `loader inspect` prints it.
pub fn lineage(snapshot: &Path) -> String {
    let inspected = Command::new(binary("loader"))
        .arg("inspect")
        .arg(snapshot)
        .output()
        .expect("the loader's binary starts");
    let said = String::from_utf8(inspected.stdout).expect("UTF-8");
    let lineage = said.lines().find_map(|line| line.strip_prefix("lineage"));
    lineage.expect("a line about the lineage").trim().to_owned()
}

/// Copies a folder with all its content.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("a folder's entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
