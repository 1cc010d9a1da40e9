//! One binary for every reader of bytes from outside: `CLOUD_FUZZ_READER` names it, the arguments are libFuzzer's.
//!
//! Without a name it prints the names. With one it first puts bytes that the reader takes into the corpus (the first argument that
//! is a folder), so none is checked in. Each input is read twice: as it is, and with its checksums repaired, so that what stands
//! behind them is reached too. The first panic ends the run, with the input in a file.
//!
//! One binary instead of one for each: linking takes longer than everything else.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use cloud_tests::readers::{READERS, Reader, reader};
use libfuzzer_sys::fuzz_target;

static CHOSEN: LazyLock<&'static Reader> = LazyLock::new(|| {
    let name = std::env::var("CLOUD_FUZZ_READER").unwrap_or_default();
    reader(&name).unwrap_or_else(|| {
        READERS
            .iter()
            .for_each(|reader| println!("{}", reader.name));
        std::process::exit(if name.is_empty() { 0 } else { 2 })
    })
});

fn write_seed() {
    let valid = (CHOSEN.valid)();
    if let Some(corpus) = std::env::args_os()
        .skip(1)
        .map(PathBuf::from)
        .find(|path| path.is_dir())
    {
        std::fs::write(corpus.join("valid"), valid).expect("the corpus can be written to");
    }
}

fuzz_target!(init: write_seed(), |bytes: &[u8]| {
    let _ = (CHOSEN.read)(bytes);
    let sealed = (CHOSEN.reseal)(bytes.to_vec());
    if sealed != bytes {
        let _ = (CHOSEN.read)(&sealed);
    }
});
