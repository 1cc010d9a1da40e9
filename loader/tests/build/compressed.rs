//! Compressed files are read like the files that they hold.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use loader::WindowMax;

use crate::dump::{Dump, rows};

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstd(content: &[u8]) -> Vec<u8> {
    zstd::encode_all(content, 1).unwrap()
}

#[test]
fn compressed_and_plain_files_make_the_same_snapshot() {
    let ring: String = (1..400_000)
        .map(|id| format!("{id},{}\n", id + 1))
        .collect();
    let first = format!("member_id,other_id\n{ring}");
    let (second, third) = ("other_id,member_id\n\"7\",1\n", "member_id,other_id\n9,1\n");
    let plain_dump = Dump::of_connections(&first)
        .connections("b.csv", second)
        .connections("c.csv", third);
    // The file is in two gzip members, the first of which ends inside a line.
    let (front, back) = first.as_bytes().split_at(100_001);
    let packed_dump = Dump::of_connections([gzip(front), gzip(back)].concat())
        .connections("b.csv", zstd(second.as_bytes()))
        .connections(
            "c.csv",
            [zstd(b"member_id,"), zstd(b"other_id\n9,1\n")].concat(),
        );
    let (plain, packed) = (plain_dump.build(), packed_dump.build());
    assert_eq!(plain.manifest, packed.manifest);
    assert_eq!(rows(&packed.snapshot).len(), 400_000);
}

#[test]
fn people_may_be_compressed() {
    let dump = Dump::new()
        .members(
            "members.csv",
            gzip(b"member_id,given_name\n1,\"A\nda\"\n2,Eve\n"),
        )
        .positions("positions.csv", zstd(b"member_id,title\n2,x\n"));
    let summary = dump.build();
    assert_eq!((summary.manifest.members, summary.positions), (2, 1));
}

#[test]
fn lines_are_those_of_the_unpacked_file() {
    let text = format!("member_id,other_id\n{}\n1,x\n", "1,2\n".repeat(100_000));
    for packed in [gzip(text.as_bytes()), zstd(text.as_bytes())] {
        assert_eq!(
            Dump::of_connections(packed).error(),
            "connections.csv:100003: column 2: \"x\" is not a number of 64 bits"
        );
    }
    assert_eq!(
        Dump::new()
            .members("members.csv", gzip(b"member_id,headline\n1,\"\n\n\"\n2\n"))
            .error(),
        "members.csv:5: 1 fields, 2 are expected (is a delimiter in a field not quoted?)"
    );
}

#[test]
fn zero_padding_is_skipped_and_other_trailing_bytes_are_named() {
    let text = b"member_id,other_id\n1,2\n\"3\",4\n";
    for (packing, packed) in [("gzip", gzip(text)), ("zstd", zstd(text))] {
        let padded = [packed.clone(), vec![0; 10_000]].concat();
        let summary = Dump::of_connections(padded).build();
        assert_eq!(summary.manifest.connections, 2, "{packing}");
        for dump in [
            Dump::of_connections([&packed[..], b"GARBAGE"].concat()),
            Dump::of_connections([&packed[..], b"GARBAGE"].concat()).skip(),
        ] {
            let error = dump.try_build().expect_err("a file with garbage");
            let reason = std::error::Error::source(&error).map(ToString::to_string);
            let expected = format!(
                "there are trailing bytes behind its {packing} stream, from byte {} of the file \
                 on: cut them off",
                packed.len()
            );
            assert_eq!(reason, Some(expected));
        }
    }
}

#[test]
fn a_large_window_needs_the_option() {
    // A frame of one raw block, which states a window of 256 MiB.
    let text = b"member_id,other_id\n1,2\n";
    let block = ((text.len() as u32) << 3 | 1).to_le_bytes();
    let frame = [b"\x28\xb5\x2f\xfd\x00\x90", &block[..3], text].concat();
    let mut dump = Dump::of_connections(&frame);
    let error = dump.try_build().expect_err("a large window");
    let reason = std::error::Error::source(&error).map(ToString::to_string);
    assert_eq!(
        reason.as_deref(),
        Some(
            "its zstd frame was made with a window of 256 MiB, more than 128 MiB: \
             --zstd-window 256MiB unpacks it, with so much more memory"
        )
    );
    dump.options.zstd_window = WindowMax("256MiB".parse().unwrap());
    assert_eq!(dump.build().manifest.connections, 1);
}

#[test]
fn a_file_that_is_cut_off_makes_no_snapshot() {
    let rows = "1,2\n".repeat(1_000_000);
    let text = format!("member_id,other_id\n{rows}");
    for packed in [gzip(text.as_bytes()), zstd(text.as_bytes())] {
        let half = &packed[..packed.len() / 2];
        for dump in [
            Dump::of_connections(half),
            Dump::of_connections(half).skip(),
        ] {
            let error = dump.try_build().expect_err("half a file");
            let reason = std::error::Error::source(&error).map(ToString::to_string);
            assert!(error.to_string().ends_with("connections.csv"), "{error}");
            assert!(
                reason
                    .as_ref()
                    .is_some_and(|reason| reason.contains("is cut off or damaged")),
                "{reason:?}"
            );
        }
    }
}
