//! The escapes of the text format of PostgreSQL's `COPY`:
//! <https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.2>.
//!
//! A backslash precedes a character that would otherwise end a field or row. `\b \f \n \r \t \v`,
//! one to three octal digits, and `\x` with one or two hexadecimal digits are bytes. Before any
//! other character the backslash has no meaning.

/// Appends a field without its escapes. A backslash at the end is dropped.
pub fn unescape(field: &[u8], into: &mut Vec<u8>) {
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            into.push(byte);
            continue;
        }
        let Some((&escaped, after)) = rest.split_first() else {
            return;
        };
        rest = after;
        into.push(match escaped {
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0b,
            b'0'..=b'7' => {
                let (more, after) = digits(rest, 8, 2);
                rest = after;
                more.iter().fold(escaped - b'0', |value, digit| {
                    value.wrapping_mul(8).wrapping_add(digit_of(*digit))
                })
            }
            b'x' => match digits(rest, 16, 2) {
                ([], _) => b'x',
                (digits, after) => {
                    rest = after;
                    digits
                        .iter()
                        .fold(0, |value: u8, digit| value << 4 | digit_of(*digit))
                }
            },
            other => other,
        });
    }
}

/// Returns the digits at the front, at most `length_max`, and the bytes after them.
fn digits(bytes: &[u8], radix: u32, length_max: usize) -> (&[u8], &[u8]) {
    let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
    let length = bytes.iter().take(length_max).take_while(is_digit).count();
    bytes.split_at(length)
}

fn digit_of(byte: u8) -> u8 {
    char::from(byte).to_digit(16).unwrap_or_default() as u8
}
