//! The bytes of a dump file. Compressed files, which are recognized by their first bytes, are
//! unpacked.
//!
//! Offsets and lines refer to unpacked bytes. A compressed file that is damaged or ends too early
//! is an error: the rows before the damage are never taken for the whole file. Every member of gzip
//! and every frame of zstd is read, as their own tools do. Zero bytes behind a member or frame are
//! skipped, because tapes and block devices pad files with them. Any other byte there is an error.
//!
//! A zstd frame states how many bytes the decoder must remember, its window. A window above the
//! limit is refused before memory is taken for it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use cloud_files::open_plain;
use flate2::bufread::GzDecoder;
use zstd::stream::read::Decoder;

use crate::{
    job::{error::Error, progress::Progress},
    snapshot::memory::Size,
};

const BUFFER_BYTES: usize = 1 << 18;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The magic of a frame without content, which some packers put first. The low half of its first
/// byte can have any value.
const ZSTD_SKIPPABLE_MAGIC: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];
/// The longest header of a zstd frame, which is also longer than the magic of every packing.
const HEADER_BYTES_MAX: usize = 18;
/// The largest window that the zstd library can be set to accept, as a power of two.
const WINDOW_LOG_MAX: u32 = 31;

/// The largest zstd window that is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowMax(pub Size);

impl WindowMax {
    /// No limit but that of the library: for a file that was read once.
    pub(crate) const LIBRARY: Self = Self(Size(u64::MAX));
}

impl Default for WindowMax {
    /// The limit of zstd's own tool without `--long`.
    fn default() -> Self {
        Self(Size(128 << 20))
    }
}

/// An open dump file.
pub(crate) struct Input<'a> {
    content: Content<'a>,
    window_max: WindowMax,
}

/// The bytes of the file, from the current position on.
enum Content<'a> {
    Plain(Packed<'a>),
    Gzip(Box<GzDecoder<Packed<'a>>>),
    Zstd(Box<Decoder<'static, Packed<'a>>>),
    End,
}

impl<'a> Input<'a> {
    /// Opens a file at its first byte. `progress` counts the bytes of the file itself, compressed
    /// or not.
    pub(crate) fn open(
        path: &Path,
        progress: Option<&'a Progress>,
        window_max: WindowMax,
    ) -> Result<Self, Error> {
        let file = open_plain(path).map_err(Error::file("open", path))?;
        let mut packed = Packed::new(file, progress);
        let read = Error::file("read", path);
        packed.peek().map_err(&read)?;
        let content = match packed.unpack(window_max).map_err(&read)? {
            Ok(content) => content,
            Err(plain) => Content::Plain(plain),
        };
        Ok(Self {
            content,
            window_max,
        })
    }

    /// Skips the first bytes.
    pub(crate) fn skip(mut self, bytes: u64) -> io::Result<Self> {
        io::copy(&mut self.by_ref().take(bytes), &mut io::sink())?;
        Ok(self)
    }

    /// Goes on behind a member or frame that ended: with the next one, or to the end of the file.
    fn next_frame(&mut self) -> io::Result<()> {
        let (packing, mut packed) = match std::mem::replace(&mut self.content, Content::End) {
            Content::Gzip(decoder) => ("gzip", decoder.into_inner()),
            Content::Zstd(decoder) => ("zstd", decoder.finish()),
            Content::Plain(_) | Content::End => return Ok(()),
        };
        packed.skip_zeros()?;
        if packed.peek()?.is_empty() {
            return Ok(());
        }
        let offset = packed.offset;
        self.content = packed.unpack(self.window_max)?.map_err(|_| {
            invalid(format!(
                "there are trailing bytes behind its {packing} stream, from byte {offset} of the \
                 file on: cut them off"
            ))
        })?;
        Ok(())
    }
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = match &mut self.content {
                Content::Plain(file) => return file.read(buffer),
                Content::End => return Ok(0),
                Content::Gzip(decoder) => decoder.read(buffer).map_err(damaged("gzip"))?,
                Content::Zstd(decoder) => decoder.read(buffer).map_err(damaged("zstd"))?,
            };
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            self.next_frame()?;
        }
    }
}

/// The file itself, compressed or not.
struct Packed<'a> {
    file: BufReader<File>,
    /// Bytes that were read ahead: `peeked[at..]` come before those of `file`.
    peeked: Vec<u8>,
    at: usize,
    /// The number of bytes that were consumed.
    offset: u64,
    progress: Option<&'a Progress>,
}

impl<'a> Packed<'a> {
    fn new(file: File, progress: Option<&'a Progress>) -> Self {
        Self {
            file: BufReader::with_capacity(BUFFER_BYTES, file),
            peeked: Vec::new(),
            at: 0,
            offset: 0,
            progress,
        }
    }

    /// Returns the next bytes, as many as the longest header has, without consuming them.
    fn peek(&mut self) -> io::Result<&[u8]> {
        self.peeked.drain(..std::mem::take(&mut self.at));
        let missing = HEADER_BYTES_MAX.saturating_sub(self.peeked.len());
        let mut ahead = self.file.by_ref().take(missing as u64);
        ahead.read_to_end(&mut self.peeked)?;
        Ok(&self.peeked)
    }

    fn skip_zeros(&mut self) -> io::Result<()> {
        loop {
            let bytes = self.fill_buf()?;
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            let is_end = zeros < bytes.len() || bytes.is_empty();
            self.consume(zeros);
            if is_end {
                return Ok(());
            }
        }
    }

    /// Unpacks a member of gzip or a frame of zstd. Returns itself as the error if the peeked bytes
    /// begin neither.
    fn unpack(self, window_max: WindowMax) -> io::Result<Result<Content<'a>, Self>> {
        let header = self.peeked.as_slice();
        if header.starts_with(&GZIP_MAGIC) {
            return Ok(Ok(Content::Gzip(Box::new(GzDecoder::new(self)))));
        }
        let is_zstd = header.starts_with(&ZSTD_MAGIC);
        if !is_zstd && !is_skippable(header) {
            return Ok(Err(self));
        }
        if let Some(window) = zstd_window(header)
            && let WindowMax(Size(limit)) = window_max
            && window > limit
        {
            let (window, limit) = (Size(window), Size(limit));
            let option = Size(window.0.next_multiple_of(1 << 20));
            return Err(invalid(format!(
                "its zstd frame was made with a window of {window}, more than {limit}: \
                 --zstd-window {} unpacks it, with so much more memory",
                option.to_string().replace(' ', "")
            )));
        }
        let mut decoder = Decoder::with_buffer(self)?.single_frame();
        decoder.window_log_max(WINDOW_LOG_MAX)?;
        Ok(Ok(Content::Zstd(Box::new(decoder))))
    }
}

impl Read for Packed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = match self.at < self.peeked.len() {
            true => self.fill_buf()?.read(buffer)?,
            false => {
                let length = self.file.read(buffer)?;
                self.passed(length);
                return Ok(length);
            }
        };
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Packed<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.peeked.get(self.at..) {
            Some(ahead) if !ahead.is_empty() => Ok(ahead),
            _ => self.file.fill_buf(),
        }
    }

    fn consume(&mut self, length: usize) {
        match self.at < self.peeked.len() {
            true => self.at += length,
            false => self.file.consume(length),
        }
        self.passed(length);
    }
}

impl Packed<'_> {
    fn passed(&mut self, length: usize) {
        self.offset += length as u64;
        if let Some(progress) = self.progress {
            progress.advance(length as u64);
        }
    }
}

fn is_skippable(header: &[u8]) -> bool {
    matches!(header.split_first(), Some((first, rest))
        if first & 0xf0 == ZSTD_SKIPPABLE_MAGIC[0] && rest.starts_with(&ZSTD_SKIPPABLE_MAGIC[1..]))
}

/// Returns the window of a zstd frame in bytes (RFC 8878, section 3.1.1.1).
fn zstd_window(header: &[u8]) -> Option<u64> {
    let after_magic = header.strip_prefix(&ZSTD_MAGIC)?;
    let (&descriptor, rest) = after_magic.split_first()?;
    let is_single_segment = descriptor & 0x20 != 0;
    if !is_single_segment {
        let window = u64::from(*rest.first()?);
        let base = 1 << (10 + (window >> 3));
        return Some(base + base / 8 * (window & 7));
    }
    // The window is the whole content, whose size follows the id of a dictionary.
    let dictionary_bytes = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size_bytes = [1, 2, 4, 8][usize::from(descriptor >> 6)];
    let mut size = [0; 8];
    let stated = rest.get(dictionary_bytes..dictionary_bytes + size_bytes)?;
    size.get_mut(..size_bytes)?.copy_from_slice(stated);
    let size = u64::from_le_bytes(size);
    Some(if size_bytes == 2 { size + 256 } else { size })
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Converts the error of a decoder. An error of the system about the file is passed on.
fn damaged(packing: &'static str) -> impl Fn(io::Error) -> io::Error {
    move |error| match (error.raw_os_error(), error.kind()) {
        (Some(_), _) | (_, io::ErrorKind::Interrupted) => error,
        _ => invalid(format!(
            "its {packing} stream is cut off or damaged ({error})"
        )),
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
        read_within(file, WindowMax::default())
    }

    fn read_within(file: &[u8], window_max: WindowMax) -> Result<Vec<u8>, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows");
        fs::write(&path, file).unwrap();
        let mut bytes = Vec::new();
        match Input::open(&path, None, window_max) {
            Ok(mut input) => match input.read_to_end(&mut bytes) {
                Ok(_) => Ok(bytes),
                Err(error) => Err(error.to_string()),
            },
            Err(Error::File { source, .. }) => Err(source.to_string()),
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
                        // So little of a second one is left that it is not recognized.
                        let magic = if packing == "gzip" { 2 } else { 4 };
                        let expected = match end.checked_sub(whole.len()) {
                            Some(rest) if rest > 0 && rest < magic => {
                                format!("there are trailing bytes behind its {packing}")
                            }
                            _ => format!("its {packing} stream is cut off or damaged ("),
                        };
                        assert!(reason.starts_with(&expected), "{reason} at {end}");
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
        }
    }

    #[test]
    fn zeros_behind_a_member_or_frame_are_padding() {
        for packed in [gzip(ROWS), zstd(ROWS)] {
            for zeros in [1, 3, 4, 512, 1 << 20] {
                let padding = vec![0; zeros];
                let padded = [packed.clone(), padding.clone()].concat();
                assert_eq!(read(&padded).as_deref(), Ok(ROWS), "{zeros} zeros");
                let twice = [padded.clone(), packed.clone(), padding].concat();
                assert_eq!(read(&twice).as_deref(), Ok(&[ROWS, ROWS].concat()[..]));
            }
        }
    }

    #[test]
    fn other_bytes_behind_a_member_or_frame_are_named_as_trailing() {
        for (packing, packed) in [("gzip", gzip(ROWS)), ("zstd", zstd(ROWS))] {
            let padding = vec![0; 700];
            for (padding, garbage) in [
                (&b""[..], &b"GARBAGE"[..]),
                (b"", b"\n"),
                (b"", b"\x1f"),
                (b"", b"4,5\n"),
                (&padding, b"GARBAGE"),
                (&padding, b"\x28\xb5\x2f"),
            ] {
                let offset = packed.len() + padding.len();
                let expected = format!(
                    "there are trailing bytes behind its {packing} stream, from byte {offset} of \
                     the file on: cut them off"
                );
                let file = [&packed, padding, garbage].concat();
                assert_eq!(read(&file), Err(expected), "{garbage:?}");
            }
        }
    }

    /// Makes a zstd frame of one raw block, whose header states this window descriptor.
    fn zstd_with_window(descriptor: u8, content: &[u8]) -> Vec<u8> {
        let block = (content.len() as u32) << 3 | 1;
        let block = block.to_le_bytes();
        [&ZSTD_MAGIC, &[0, descriptor][..], &block[..3], content].concat()
    }

    #[test]
    fn a_large_window_is_named_with_the_option_that_allows_it() {
        for (exponent, mantissa, mebibytes) in
            [(18, 0, 256), (17, 1, 144), (20, 4, 1536), (21, 0, 2048)]
        {
            let file = zstd_with_window(exponent << 3 | mantissa, ROWS);
            let expected = format!(
                "its zstd frame was made with a window of {mebibytes} MiB, more than 128 MiB: \
                 --zstd-window {mebibytes}MiB unpacks it, with so much more memory"
            );
            assert_eq!(read(&file), Err(expected.clone()));
            let later = [zstd(ROWS), file.clone()].concat();
            assert_eq!(read(&later), Err(expected));
            let limit: Size = format!("{mebibytes}MiB").parse().unwrap();
            let allowed = read_within(&later, WindowMax(limit));
            assert_eq!(allowed.as_deref(), Ok(&[ROWS, ROWS].concat()[..]));
        }
        let usual = zstd_with_window(17 << 3, ROWS);
        assert_eq!(read(&usual).as_deref(), Ok(ROWS));
        // A frame whose window is its whole content.
        let size = (200u64 << 20).to_le_bytes();
        let single = [&ZSTD_MAGIC, &[0xe0][..], &size].concat();
        assert_eq!(zstd_window(&single), Some(200 << 20));
    }
}
