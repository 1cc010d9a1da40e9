//! A dump that does not fit the memory makes the same snapshot as one that fits, within the limit.
//! A disk that is full while rows go to files leaves nothing.

use std::fs;
use std::process::Command;

use loader::{MemoryLimit, NodeOrder};
use proptest::prelude::*;
use proptest::sample::select;

use crate::dump::Dump;
use crate::oracle::same_files;

/// Returns the lines, each once, in an order that depends on the seed.
fn shuffled(mut lines: Vec<String>, seed: u64) -> Vec<String> {
    lines.sort_by_key(|line| {
        let bytes = line.bytes().map(u64::from);
        bytes.fold(seed, |hash, byte| {
            (hash ^ byte).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        })
    });
    lines
}

#[derive(Clone, Debug)]
struct Site {
    members: Vec<u64>,
    has_members: bool,
    is_timed: bool,
    connections: Vec<(prop::sample::Index, prop::sample::Index, u64)>,
}

fn sites() -> impl Strategy<Value = Site> {
    let ids = prop_oneof![
        prop::collection::btree_set(1u64..400, 2..200),
        prop::collection::btree_set(1u64.., 2..200),
    ];
    let index = any::<prop::sample::Index>;
    let connections = prop::collection::vec((index(), index(), 0u64..9), 0..2_000);
    (ids, any::<bool>(), any::<bool>(), connections).prop_map(
        |(members, has_members, is_timed, connections)| Site {
            members: members.into_iter().collect(),
            has_members,
            is_timed,
            connections,
        },
    )
}

impl Site {
    fn dump(&self, seed: u64, files: usize, limit: MemoryLimit) -> Dump {
        let (map, header) = match self.is_timed {
            true => ("connections:member=1,other=2,time=3:ms", "a,b,t\n"),
            false => ("connections:member=1,other=2", "a,b\n"),
        };
        let row = |(one, other, time): &(prop::sample::Index, prop::sample::Index, u64)| {
            let (one, other) = (one.get(&self.members), other.get(&self.members));
            match self.is_timed {
                true => format!("{one},{other},{time}\n"),
                false => format!("{one},{other}\n"),
            }
        };
        let rows = shuffled(self.connections.iter().map(row).collect(), seed);
        let mut dump = Dump::new().map(map).connections("none.csv", header);
        for (index, rows) in rows.chunks(rows.len().div_ceil(files).max(1)).enumerate() {
            dump = dump.connections(
                &format!("{index}.csv"),
                format!("{header}{}", rows.concat()),
            );
        }
        if self.has_members {
            let member = |id: &u64| format!("{id},name {}\n", id % 7);
            let members = shuffled(self.members.iter().map(member).collect(), seed);
            let position = |id: &u64| format!("{id},{},title {}\n", id % 3 + 1, id % 5);
            let positions = shuffled(self.members.iter().map(position).collect(), seed);
            dump = dump
                .members(
                    "members.csv",
                    format!("member_id,given_name\n{}", members.concat()),
                )
                .positions(
                    "positions.csv",
                    format!("member_id,position_id,title\n{}", positions.concat()),
                );
        }
        dump.options.memory = limit;
        dump
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn snapshots_are_the_same_whatever_memory_threads_and_order(
        site in sites(),
        order in select(vec![NodeOrder::Id, NodeOrder::Community]),
        others in prop::collection::vec(
            (
                any::<u64>(),
                1usize..5,
                select(vec![0u64, 1_000, 20_000]),
                select(vec![1usize, 2, 7]),
            ),
            3,
        ),
    ) {
        let limit = MemoryLimit::of_machine();
        let roomy = site.dump(0, 1, limit).order(order);
        let expected = roomy.build();
        for (seed, files, held_bytes, threads) in others {
            let tight = site.dump(seed, files, limit.spilling_above(held_bytes)).order(order);
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let found = pool.install(|| tight.build());
            same_files(&expected.snapshot, &found.snapshot)?;
            prop_assert_eq!(&expected.dropped, &found.dropped);
            prop_assert_eq!(expected.degrees, found.degrees);
        }
    }
}

/// Runs the loader, and returns its exit code and its output. The least memory depends on the
/// number of threads, so that is fixed.
fn loader(dump: &Dump, memory: &str, blocks: &str) -> (Option<i32>, String) {
    let mut command = Command::new("sh");
    command
        .env("RAYON_NUM_THREADS", "2")
        .args(["-c", "trap '' XFSZ; ulimit -f $0; exec \"$@\"", blocks])
        .args([env!("CARGO_BIN_EXE_loader"), "build", "--memory", memory]);
    for (flag, files) in [
        ("--connections", &dump.options.connections),
        ("--members", &dump.options.members),
        ("--positions", &dump.options.positions),
    ] {
        if !files.is_empty() {
            command.arg(flag).args(files);
        }
    }
    let order = match dump.options.order {
        NodeOrder::Id => "id",
        NodeOrder::Community => "community",
    };
    let output = command
        .args(["--order", order])
        .arg("--out")
        .arg(&dump.options.out)
        .output()
        .unwrap();
    let printed = [output.stderr, output.stdout].concat();
    (output.status.code(), String::from_utf8(printed).unwrap())
}

/// Returns the least memory that works, as the loader reports it.
fn least(dump: &Dump) -> String {
    let (code, message) = loader(dump, "1MiB", "unlimited");
    assert_eq!(code, Some(2), "{message}");
    let (_, least) = message
        .split_once("the least that works is ")
        .expect("says the least");
    least.lines().next().unwrap().replace(' ', "")
}

#[test]
fn a_dump_that_is_larger_than_the_memory_takes_no_more() {
    const MEMBERS: u64 = 100_000;
    let id = |member: u64| (member + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (summary, title) = ("x".repeat(1_500), "x".repeat(1_000));
    let member = |member: u64| format!("{},name {member},{summary}\n", id(member));
    let position = |row: u64| format!("{},{title}\n", id(row % MEMBERS));
    let connection = |row: u64| {
        let (one, round) = (row % MEMBERS, row / MEMBERS);
        let other = (one * 7 + round * round * 37 + 1) % MEMBERS;
        format!("{},{}\n", id(one), id(other))
    };
    let mut dump = Dump::new()
        .members(
            "members.csv",
            format!(
                "member_id,given_name,summary\n{}",
                (0..MEMBERS).map(member).collect::<String>()
            ),
        )
        .positions(
            "positions.csv",
            format!(
                "member_id,title\n{}",
                (0..MEMBERS * 3 / 2).map(position).collect::<String>()
            ),
        )
        .connections(
            "connections.csv",
            format!(
                "member_id,other_id\n{}",
                (0..125 * MEMBERS).map(connection).collect::<String>()
            ),
        );
    let least = least(&dump);
    let limit = least.strip_suffix("MiB").unwrap().parse::<u64>().unwrap() << 20;
    let files = fs::read_dir(dump.path()).unwrap();
    let bytes: u64 = files
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();
    assert!(bytes > 5 * limit / 2, "{bytes} bytes in {limit}");
    for order in [NodeOrder::Id, NodeOrder::Community] {
        dump = dump.order(order);
        let (code, printed) = loader(&dump, &least, "unlimited");
        assert_eq!(code, Some(0), "{printed}");
        let peak = printed
            .split_once("peak memory  ")
            .expect("says the peak")
            .1;
        let peak: u64 = peak.split_once(' ').unwrap().0.parse().unwrap();
        assert!(peak <= limit, "{peak} of {limit} bytes:\n{printed}");
        fs::remove_dir_all(&dump.options.out).unwrap();
    }
}

/// Limits the length of files in place of a full disk, for each of the files that rows go to.
#[test]
fn a_full_disk_while_rows_go_to_files_leaves_nothing() {
    let rows = |members: u64, connections: u64| {
        let row = |at: u64| format!("{},{}\n", at % members + 1, at * 7 / members % members + 1);
        format!(
            "member_id,other_id\n{}",
            (0..connections).map(row).collect::<String>()
        )
    };
    let people = |members: u64| {
        let people: String = (1..=members).map(|id| format!("{id},{id}\n")).collect();
        format!("member_id,given_name\n{people}")
    };
    for (file, dump) in [
        (
            "scratch/connections",
            Dump::of_connections(rows(50_000, 3_000_000)),
        ),
        (
            "scratch/half-edges",
            Dump::of_connections(rows(50_000, 4_000_000)).members("members.csv", people(50_000)),
        ),
        (
            "scratch/members-1",
            Dump::of_connections(rows(9, 9)).members("members.csv", people(300_000)),
        ),
    ] {
        let least = least(&dump);
        let (code, message) = loader(&dump, &least, "20");
        assert_eq!(code, Some(1), "{file}: {message}");
        assert!(
            message.contains(file) && message.contains("File too large"),
            "{file}: {message}"
        );
        let left = fs::read_dir(&dump.options.out).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["LOCK"], "{file}");
    }
}

#[test]
fn members_that_do_not_fit_are_an_error_that_says_what_would() {
    let mut dump = Dump::of_connections("member_id,other_id\n1,2\n");
    let people: String = (1..=1_100_000).map(|id| format!("{id}\n")).collect();
    dump = dump.members("members.csv", format!("member_id\n{people}"));
    let (code, message) = loader(&dump, &least(&dump), "unlimited");
    assert_eq!(code, Some(1), "{message}");
    assert!(
        message.contains(
            "is too little memory for 1100000 members: the least that works for so many is"
        ),
        "{message}"
    );
}
