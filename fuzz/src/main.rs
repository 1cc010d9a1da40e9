//! One fuzz binary for every reader of bytes from outside. `CLOUD_FUZZ_READER` names the reader;
//! the arguments are libFuzzer's.
//!
//! Without a name it prints the names. With a name it first writes valid bytes for the reader into
//! the corpus, the first argument that is a folder; so no corpus is checked in. Each input is read
//! twice: as it is, and with its checksums repaired, which reaches the code behind them. The first
//! panic ends the run and leaves its input in a file.
//!
//! One binary serves all readers because linking takes longer than everything else.
#![no_main]

use cloud_tests::readers::{READERS, Reader, reader};
use libfuzzer_sys::fuzz_target;
use std::{path::PathBuf, sync::LazyLock};

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
