//! The messages of `pgoutput`, protocol version 1:
//! <https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html>.
//!
//! Begin, Commit and Message are read by the replication client.

use crate::rows::Datum;

/// A message about a table or its rows.
#[derive(Debug, PartialEq)]
pub enum Message<'a> {
    /// The columns of a table. It comes before the first row of the table in a session, and again
    /// after each change of the table.
    Relation(Relation),
    /// A row was inserted.
    Insert {
        /// The table.
        relation: u32,
        /// The row.
        new: Vec<Datum<'a>>,
    },
    /// A row was updated.
    Update {
        /// The table.
        relation: u32,
        /// The old row, as far as it is known.
        old: Option<Old<'a>>,
        /// The row.
        new: Vec<Datum<'a>>,
    },
    /// A row was deleted.
    Delete {
        /// The table.
        relation: u32,
        /// The old row, as far as it is known.
        old: Old<'a>,
    },
    /// Tables were truncated.
    Truncate {
        /// The tables.
        relations: Vec<u32>,
    },
    /// A message that states no row: the name of a type, or the origin of a transaction.
    Other,
}

/// A row before a change.
#[derive(Debug, PartialEq)]
pub enum Old<'a> {
    /// Only the columns of the replica identity; the others are NULL in the message, and are not
    /// known.
    Key(Vec<Datum<'a>>),
    /// All columns.
    Whole(Vec<Datum<'a>>),
}

/// A table, as a session describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// The number by which rows name the table.
    pub id: u32,
    /// The schema.
    pub schema: String,
    /// The name.
    pub name: String,
    /// The columns, in the order of the rows.
    pub columns: Vec<Column>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name.
    pub name: String,
    /// Whether it is in the replica identity.
    pub is_key: bool,
}

/// A message that is not as the protocol has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message of pgoutput is malformed: {0}")]
pub struct Malformed(&'static str);

/// Reads a message.
///
/// # Errors
/// If it is not as the protocol has it.
pub fn read(message: &[u8]) -> Result<Message<'_>, Malformed> {
    let mut bytes = Bytes(message);
    let message = match bytes.u8()? {
        b'R' => Message::Relation(relation(&mut bytes)?),
        b'I' => {
            let relation = bytes.u32()?;
            match bytes.u8()? {
                b'N' => {}
                _ => return Err(Malformed("an insert without a row")),
            }
            Message::Insert {
                relation,
                new: row(&mut bytes)?,
            }
        }
        b'U' => {
            let relation = bytes.u32()?;
            let (old, kind) = match bytes.u8()? {
                kind @ (b'K' | b'O') => (Some(old(kind, &mut bytes)?), bytes.u8()?),
                kind => (None, kind),
            };
            if kind != b'N' {
                return Err(Malformed("an update without a row"));
            }
            Message::Update {
                relation,
                old,
                new: row(&mut bytes)?,
            }
        }
        b'D' => {
            let relation = bytes.u32()?;
            let kind = bytes.u8()?;
            Message::Delete {
                relation,
                old: old(kind, &mut bytes)?,
            }
        }
        b'T' => {
            let count = bytes.u32()?;
            // The options, CASCADE and RESTART IDENTITY, say nothing of rows.
            bytes.u8()?;
            let relations = (0..count).map(|_| bytes.u32());
            Message::Truncate {
                relations: relations.collect::<Result<_, _>>()?,
            }
        }
        b'Y' | b'O' => return Ok(Message::Other),
        _ => return Err(Malformed("its kind is not known")),
    };
    match bytes.0 {
        [] => Ok(message),
        _ => Err(Malformed("it is longer than its content")),
    }
}

fn relation(bytes: &mut Bytes<'_>) -> Result<Relation, Malformed> {
    let id = bytes.u32()?;
    let schema = match bytes.text()? {
        "" => "pg_catalog",
        schema => schema,
    };
    let name = bytes.text()?.to_owned();
    // The kind of the replica identity: the flags of the columns say which it has.
    bytes.u8()?;
    let columns = (0..bytes.u16()?).map(|_| {
        let is_key = bytes.u8()? & 1 == 1;
        let name = bytes.text()?.to_owned();
        // The type and its modifier: values come as text.
        bytes.u32()?;
        bytes.u32()?;
        Ok(Column { name, is_key })
    });
    Ok(Relation {
        id,
        schema: schema.to_owned(),
        name,
        columns: columns.collect::<Result<_, _>>()?,
    })
}

fn old<'a>(kind: u8, bytes: &mut Bytes<'a>) -> Result<Old<'a>, Malformed> {
    match kind {
        b'K' => Ok(Old::Key(row(bytes)?)),
        b'O' => Ok(Old::Whole(row(bytes)?)),
        _ => Err(Malformed("an old row of no known kind")),
    }
}

fn row<'a>(bytes: &mut Bytes<'a>) -> Result<Vec<Datum<'a>>, Malformed> {
    let columns = (0..bytes.u16()?).map(|_| match bytes.u8()? {
        b'n' => Ok(Datum::Null),
        b'u' => Ok(Datum::Unknown),
        b't' => {
            let length = bytes.u32()?;
            let text = bytes.take(length as usize)?;
            let text = str::from_utf8(text).map_err(|_| Malformed("a text is not UTF-8"))?;
            Ok(Datum::Text(text))
        }
        _ => Err(Malformed("a value that is not in the format of texts")),
    });
    columns.collect()
}

/// The bytes of a message that are not read yet.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let split = self.0.split_at_checked(length);
        let (taken, rest) = split.ok_or(Malformed("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let split = self.0.split_first_chunk();
        let (taken, rest) = split.ok_or(Malformed("it ends too early"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// Reads a text that ends with a zero byte.
    fn text(&mut self) -> Result<&'a str, Malformed> {
        let end = self.0.iter().position(|&byte| byte == 0);
        let text = self.take(end.ok_or(Malformed("a name has no end"))?)?;
        self.u8()?;
        str::from_utf8(text).map_err(|_| Malformed("a name is not UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn messages_are_read_as_the_protocol_has_them() {
        let relation = bytes(&[
            b"R\0\0\0\x07public\0users\0d\0\x02",
            b"\x01id\0\0\0\0\x14\xff\xff\xff\xff",
            b"\0name\0\0\0\0\x19\xff\xff\xff\xff",
        ]);
        let column = |name: &str, is_key| Column {
            name: name.into(),
            is_key,
        };
        let expected = Message::Relation(Relation {
            id: 7,
            schema: "public".into(),
            name: "users".into(),
            columns: vec![column("id", true), column("name", false)],
        });
        assert_eq!(read(&relation), Ok(expected));

        let row = b"\0\x02t\0\0\0\x01\x35n";
        let insert = bytes(&[b"I\0\0\0\x07N", row]);
        let new = vec![Datum::Text("5"), Datum::Null];
        let expected = Message::Insert {
            relation: 7,
            new: new.clone(),
        };
        assert_eq!(read(&insert), Ok(expected));

        let update = bytes(&[b"U\0\0\0\x07K", row, b"N\0\x02t\0\0\0\x01\x36u"]);
        let expected = Message::Update {
            relation: 7,
            old: Some(Old::Key(new.clone())),
            new: vec![Datum::Text("6"), Datum::Unknown],
        };
        assert_eq!(read(&update), Ok(expected));

        let delete = bytes(&[b"D\0\0\0\x07O", row]);
        let expected = Message::Delete {
            relation: 7,
            old: Old::Whole(new),
        };
        assert_eq!(read(&delete), Ok(expected));

        let truncate = b"T\0\0\0\x01\0\0\0\0\x07";
        assert_eq!(read(truncate), Ok(Message::Truncate { relations: vec![7] }));
    }

    #[test]
    fn a_message_that_is_cut_anywhere_is_malformed() {
        let insert = b"I\0\0\0\x07N\0\x02t\0\0\0\x01\x35n";
        for end in 0..insert.len() {
            assert!(read(&insert[..end]).is_err(), "cut at {end}");
        }
        assert!(read(&bytes(&[insert, b"x"])).is_err());
    }
}
