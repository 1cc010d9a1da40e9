//! The bytes of a dump file. Compressed files, which are recognized by their first bytes, are
//! unpacked.
//!
//! Offsets and lines refer to unpacked bytes. A compressed file that is damaged or ends too early
//! is an error: the rows before the damage are never taken for the whole file. Every member of gzip
//! and every frame of zstd is read, as their own tools do.

use std::fs::File;
use std::io::{self, BufReader, Chain, Cursor, Read};
use std::path::Path;

use cloud_files::open_plain;
use flate2::bufread::MultiGzDecoder;
use zstd::stream::read::Decoder;

use crate::job::{error::Error, progress::Progress};

const BUFFER_BYTES: usize = 1 << 18;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The magic of a frame without content, which some packers put first. The low half of its first
/// byte can have any value.
const ZSTD_SKIPPABLE_MAGIC: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];

/// An open dump file.
pub(crate) enum Input<'a> {
    Plain(Packed<'a>),
    Gzip(Box<MultiGzDecoder<BufReader<Packed<'a>>>>),
    Zstd(Box<Decoder<'static, BufReader<Packed<'a>>>>),
}

impl<'a> Input<'a> {
    /// Opens a file at its first byte. `progress` counts the bytes of the file itself, compressed
    /// or not.
    pub(crate) fn open(path: &Path, progress: Option<&'a Progress>) -> Result<Self, Error> {
        let mut file = open_plain(path).map_err(Error::file("open", path))?;
        let mut magic = Vec::new();
        file.by_ref()
            .take(ZSTD_MAGIC.len() as u64)
            .read_to_end(&mut magic)
            .map_err(Error::file("read", path))?;
        let is_gzip = magic.starts_with(&GZIP_MAGIC);
        let is_zstd = magic == ZSTD_MAGIC || is_skippable(&magic);
        let packed = Packed {
            bytes: Cursor::new(magic).chain(file),
            progress,
        };
        let buffered = |packed| BufReader::with_capacity(BUFFER_BYTES, packed);
        Ok(if is_gzip {
            Self::Gzip(Box::new(MultiGzDecoder::new(buffered(packed))))
        } else if is_zstd {
            let decoder = Decoder::with_buffer(buffered(packed));
            Self::Zstd(Box::new(decoder.map_err(Error::file("read", path))?))
        } else {
            Self::Plain(packed)
        })
    }

    /// Skips the first bytes.
    pub(crate) fn skip(mut self, bytes: u64) -> io::Result<Self> {
        io::copy(&mut self.by_ref().take(bytes), &mut io::sink())?;
        Ok(self)
    }
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer).map_err(damaged("gzip")),
            Self::Zstd(decoder) => decoder.read(buffer).map_err(damaged("zstd")),
        }
    }
}

/// The file itself, compressed or not.
pub(crate) struct Packed<'a> {
    bytes: Chain<Cursor<Vec<u8>>, File>,
    progress: Option<&'a Progress>,
}

impl Read for Packed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.bytes.read(buffer)?;
        if let Some(progress) = self.progress {
            progress.advance(length as u64);
        }
        Ok(length)
    }
}

fn is_skippable(magic: &[u8]) -> bool {
    matches!(magic.split_first(), Some((first, rest))
        if first & 0xf0 == ZSTD_SKIPPABLE_MAGIC[0] && rest == &ZSTD_SKIPPABLE_MAGIC[1..])
}

/// Converts the error of a decoder. An error of the system about the file is passed on.
fn damaged(packing: &'static str) -> impl Fn(io::Error) -> io::Error {
    move |error| match (error.raw_os_error(), error.kind()) {
        (Some(_), _) | (_, io::ErrorKind::Interrupted) => error,
        _ => io::Error::new(
            io::ErrorKind::InvalidData,
            format!("its {packing} stream is cut off or damaged ({error})"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write as _;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(content: &[u8]) -> Vec<u8> {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn read(file: &[u8]) -> Result<Vec<u8>, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows");
        fs::write(&path, file).unwrap();
        let mut bytes = Vec::new();
        let mut input = Input::open(&path, None).unwrap();
        match input.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(error.to_string()),
        }
    }

    const ROWS: &[u8] = b"member_id,other_id\n1,2\n2,3\n3,4\n";

    #[test]
    fn every_member_and_frame_is_read() {
        let skippable = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0], &b"abc"[..]].concat();
        for file in [
            ROWS.to_vec(),
            gzip(ROWS),
            [gzip(&ROWS[..9]), gzip(b""), gzip(&ROWS[9..])].concat(),
            zstd(ROWS),
            [zstd(&ROWS[..9]), zstd(b""), zstd(&ROWS[9..])].concat(),
            [skippable.clone(), zstd(ROWS), skippable].concat(),
        ] {
            assert_eq!(read(&file).as_deref(), Ok(ROWS), "{file:?}");
        }
        assert_eq!(read(b"").as_deref(), Ok(&b""[..]));
        assert_eq!(read(b"\x1f").as_deref(), Ok(&b"\x1f"[..]));
    }

    #[test]
    fn a_compressed_file_that_is_cut_off_is_an_error() {
        for (packing, file) in [
            ("gzip", gzip(ROWS)),
            ("zstd", zstd(ROWS)),
            ("gzip", [gzip(ROWS), gzip(ROWS)].concat()),
            ("zstd", [zstd(ROWS), zstd(ROWS)].concat()),
        ] {
            let whole = if packing == "gzip" {
                gzip(ROWS)
            } else {
                zstd(ROWS)
            };
            for end in 4..file.len() {
                match read(&file[..end]) {
                    Ok(bytes) => {
                        assert_eq!(end, whole.len(), "{packing} cut at {end}");
                        assert_eq!(bytes, ROWS);
                    }
                    Err(reason) => {
                        let expected = format!("its {packing} stream is cut off or damaged (");
                        assert!(reason.starts_with(&expected), "{reason}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_flipped_bit_never_changes_what_is_read() {
        for file in [gzip(ROWS), zstd(ROWS)] {
            for at in 4..file.len() {
                for bit in 0..8 {
                    let mut flipped = file.clone();
                    flipped[at] ^= 1 << bit;
                    // Some bits do not affect the content: times and names in a header.
                    if let Ok(bytes) = read(&flipped) {
                        assert_eq!(bytes, ROWS, "bit {bit} of byte {at}");
                    }
                }
            }
            assert!(read(&[file, b"rest".to_vec()].concat()).is_err());
        }
    }
}
