//! Compiles the .proto files beside this crate; no protoc is needed.

use prost::Message as _;
use std::{env, fs, path::PathBuf};

const FILES: [&str; 7] = [
    "cloud/v1/admin.proto",
    "cloud/v1/network.proto",
    "cloud/v1/profile.proto",
    "cloud/v1/search.proto",
    "databus/v1/as_of.proto",
    "databus/v1/change.proto",
    "databus/v1/databus.proto",
];

#[expect(
    clippy::disallowed_macros,
    reason = "cargo reads the lines of build scripts"
)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    for file in FILES {
        println!("cargo::rerun-if-changed={file}");
    }
    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_imports(true).include_source_info(true);
    let descriptors = compiler.open_files(FILES)?.file_descriptor_set();
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    // Ordered maps: the same members make the same bytes.
    let mut config = tonic_prost_build::Config::new();
    config.btree_map(["."]);
    tonic_prost_build::configure().compile_fds_with_config(descriptors, config)?;
    Ok(())
}
