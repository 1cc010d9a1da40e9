//! Random and mutated bytes against every reader: refused by name, or the same content.
//!
//! No reader panics, and no allocation is out of proportion to the given bytes.

mod allocations;
mod mutation;

use cloud_tests::readers::{Mutated, READERS, Reader};
use mutation::{Mutation, mutations};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// The largest allocation of the reading thread, as a multiple of the given bytes, in addition to a
/// fixed part.
const ALLOCATION_PER_BYTE_MAX: usize = 64;
/// The fixed part of a reader's own buffers, for any input.
const BUFFERS_BYTES_MAX: usize = 2 << 20;
/// The fixed part of redb and tantivy.
const STORES_BYTES_MAX: usize = 40 << 20;
/// The fixed part of the loader, whose memory is bounded by a limit of its own.
const LOADER_BYTES_MAX: usize = 128 << 20;

#[global_allocator]
static ALLOCATOR: allocations::Counted = allocations::Counted;

fn cases(reader: &Reader) -> u32 {
    let quick = match reader.name {
        // Each case opens a database or an index.
        "search-index" | "live-profiles" => 150,
        "log" => 400,
        // Each case builds a snapshot.
        "dump" => 40,
        _ => 2_000,
    };
    if std::env::var_os("CLOUD_TEST_LONG").is_some() {
        quick * 20
    } else {
        quick
    }
}

/// Reads the bytes, and checks the bound of memory.
fn read(reader: &Reader, bytes: &[u8]) -> Result<String, String> {
    let (outcome, largest) = allocations::largest_in(|| (reader.read)(bytes));
    let fixed = match reader.name {
        "dump" => LOADER_BYTES_MAX,
        "search-index" | "live-profiles" => STORES_BYTES_MAX,
        _ => BUFFERS_BYTES_MAX,
    };
    let bound = bytes.len() * ALLOCATION_PER_BYTE_MAX + fixed;
    assert!(
        largest <= bound,
        "{}: {largest} bytes at once for {}",
        reader.name,
        bytes.len()
    );
    outcome
}

/// Runs a property over inputs until one fails, and then names the smallest.
fn for_all<S: Strategy>(
    reader: &Reader,
    inputs: S,
    property: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let config = Config {
        failure_persistence: None,
        ..Config::with_cases(cases(reader))
    };
    if let Err(failure) = TestRunner::new(config).run(&inputs, property) {
        panic!("{}: {failure}", reader.name);
    }
}

fn named(name: &str) -> &'static Reader {
    cloud_tests::readers::reader(name).expect("a reader of this name")
}

/// Checks that valid bytes are read, and that repairing their checksums changes nothing.
fn valid_bytes_are_taken(reader: &Reader) -> (Vec<u8>, String) {
    let valid = (reader.valid)();
    let sealed = (reader.reseal)(valid.clone());
    assert!(
        sealed == valid,
        "{}: the repair knows another format",
        reader.name
    );
    let content = read(reader, &valid).unwrap_or_else(|error| panic!("{}: {error}", reader.name));
    (valid, content)
}

fn mutated_bytes(reader: &Reader) {
    let (valid, content) = valid_bytes_are_taken(reader);
    for_all(reader, mutations(), |mutations: Vec<Mutation>| {
        let mut bytes = valid.clone();
        mutations
            .iter()
            .for_each(|mutation| mutation.apply(&mut bytes));
        if let Ok(found) = read(reader, &bytes) {
            match reader.mutated {
                Mutated::RefusedOrSame => prop_assert_eq!(&found, &content),
                Mutated::RefusedOrShorter => prop_assert!(content.starts_with(&found), "{}", found),
                Mutated::Any => {}
            }
        }
        Ok(())
    });
}

/// With correct checksums the content may differ, and the checks behind them must still hold.
fn sealed_mutations(reader: &Reader) {
    let (valid, content) = valid_bytes_are_taken(reader);
    let [taken, refused] = [std::cell::Cell::new(0), std::cell::Cell::new(0)];
    for_all(reader, mutations(), |mutations: Vec<Mutation>| {
        let mut bytes = valid.clone();
        mutations
            .iter()
            .for_each(|mutation| mutation.apply(&mut bytes));
        match read(reader, &(reader.reseal)(bytes)) {
            Ok(found) => taken.set(taken.get() + u32::from(found != content)),
            Err(_) => refused.set(refused.get() + 1),
        }
        Ok(())
    });
    println!(
        "{}: {} other contents, {} refused",
        reader.name,
        taken.get(),
        refused.get()
    );
    assert!(refused.get() > 0, "{}: nothing was refused", reader.name);
}

fn any_bytes(reader: &Reader) {
    for_all(
        reader,
        prop::collection::vec(any::<u8>(), 0..600),
        |bytes| {
            // A few random bytes may be a query, but never a file.
            let outcome = read(reader, &bytes);
            prop_assert!(outcome.is_err() || reader.mutated != Mutated::RefusedOrSame);
            Ok(())
        },
    );
}

macro_rules! each_reader {
    ($($test:ident: $name:literal),* $(,)?) => {
        $(#[test]
        fn $test() {
            let reader = named($name);
            any_bytes(reader);
            mutated_bytes(reader);
            sealed_mutations(reader);
        })*

        #[test]
        fn no_reader_is_forgotten() {
            assert_eq!(READERS.map(|reader| reader.name), [$($name),*]);
        }
    };
}

each_reader! {
    graph_files: "graph",
    times_files: "times",
    manifests: "manifest",
    overlays: "overlay",
    histories: "histories",
    policies: "policy",
    profile_files: "profiles",
    silent_profile_files: "silent-profiles",
    search_indexes: "search-index",
    live_profile_stores: "live-profiles",
    log_segments: "log",
    log_files: "log-files",
    published_windows: "window",
    queries: "query",
    page_tokens: "page-token",
    dump_rows: "dump",
    mappings: "mapping",
    messages_of_rows: "pgoutput",
}
