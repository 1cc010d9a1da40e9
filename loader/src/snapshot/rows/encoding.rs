//! Recognizes files that are not UTF-8, so that an error says what they are and how to convert
//! them.

/// The byte-order mark of UTF-8, which may begin a file.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The number of bytes at the beginning of a file that show its encoding.
pub(crate) const SAMPLE_BYTES: usize = 256;

/// An encoding that is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherEncoding {
    /// Its name for iconv.
    pub name: &'static str,
    /// Whether a byte-order mark states it. Without one it is a guess.
    pub is_marked: bool,
}

impl std::fmt::Display for OtherEncoding {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, is_marked } = self;
        let seems = match is_marked {
            true => "the file is",
            false => "without a byte-order mark, the file seems to be",
        };
        write!(
            formatter,
            "{seems} {name}, and a dump is UTF-8: iconv -f {name} -t UTF-8 FILE > NEW converts it"
        )
    }
}

/// Returns the encoding of a file by its first bytes, if it is UTF-16 or UTF-32.
///
/// A dump begins with names of columns, digits and delimiters. So every second byte, or three of
/// four, are zero in these encodings.
pub(crate) fn other_encoding(sample: &[u8]) -> Option<OtherEncoding> {
    let marks: [(&[u8], &str); 4] = [
        (b"\xff\xfe\0\0", "UTF-32"),
        (b"\0\0\xfe\xff", "UTF-32"),
        (b"\xff\xfe", "UTF-16"),
        (b"\xfe\xff", "UTF-16"),
    ];
    let marked = marks.into_iter().find(|(mark, _)| sample.starts_with(mark));
    if let Some((_, name)) = marked {
        return Some(OtherEncoding {
            name,
            is_marked: true,
        });
    }
    // Which of the four bytes of a group are zero, in most groups.
    let groups = sample.as_chunks::<4>().0;
    let is_zero = |at: usize| {
        let zeros = groups.iter().filter(|group| group.get(at) == Some(&0));
        zeros.count() * 2 > groups.len()
    };
    let name = match [is_zero(0), is_zero(1), is_zero(2), is_zero(3)] {
        [false, true, false, true] => "UTF-16LE",
        [true, false, true, false] => "UTF-16BE",
        [false, true, true, true] => "UTF-32LE",
        [true, true, true, false] => "UTF-32BE",
        _ => return None,
    };
    Some(OtherEncoding {
        name,
        is_marked: false,
    })
}

/// Describes the first byte that is not UTF-8. A text before it that is ASCII suggests an encoding
/// of one byte a character.
pub(crate) fn describe_invalid(bytes: &[u8]) -> String {
    let valid = str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    let (text, after) = bytes.split_at_checked(valid).unwrap_or((bytes, b""));
    let guess = match text.is_ascii() {
        true => " (Latin-1 or Windows-1252? iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW converts it)",
        false => "",
    };
    let byte = after.first().copied().unwrap_or_default();
    format!("the byte 0x{byte:02X}{guess}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str, bytes: usize, is_big: bool) -> Vec<u8> {
        let units = text.encode_utf16().map(u32::from);
        let encoded = units.flat_map(|unit| match is_big {
            true => unit.to_be_bytes()[4 - bytes..].to_vec(),
            false => unit.to_le_bytes()[..bytes].to_vec(),
        });
        encoded.collect()
    }

    #[test]
    fn wide_encodings_are_recognized() {
        for text in [
            "member_id,other_id\n1,2\n",
            "1\t2\n",
            "member_id;given_name\n1;Jos\u{e9}\n2;\u{5bf8}\u{5bf8}\u{5bf8}\n",
        ] {
            for (bytes, is_big, name) in [
                (2, false, "UTF-16LE"),
                (2, true, "UTF-16BE"),
                (4, false, "UTF-32LE"),
                (4, true, "UTF-32BE"),
            ] {
                let is = |sample: &[u8]| other_encoding(sample).map(|it| (it.name, it.is_marked));
                assert_eq!(
                    is(&wide(text, bytes, is_big)),
                    Some((name, false)),
                    "{text}"
                );
                let marked = wide(&format!("\u{feff}{text}"), bytes, is_big);
                assert_eq!(is(&marked), Some((&name[..6], true)), "{text}");
            }
            assert_eq!(other_encoding(text.as_bytes()), None);
        }
        for text in [
            &b""[..],
            b"1",
            b"\0",
            b"a\0b",
            b"1,2\n3,\0\n",
            b"\xef\xbb\xbf1,2\n",
        ] {
            assert_eq!(other_encoding(text), None, "{text:?}");
        }
    }
}
