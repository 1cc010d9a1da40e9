//! The mark of each store under `live/`: its base, the log that it follows, and its point there.
//!
//! The mark is a line of text: `format 2 lineage <32 hex> log <32 hex> scn <number> history <16 hex
//! or unknown>`. Format 1 has no history and is still read. A store of another base or log is
//! rejected by name, because its nodes are other members.

use cloud_engine::FileError;
use cloud_model::{History, LineageId, LogId, LogPoint, Scn};
use std::{fmt, path::Path};

const FORMAT_VERSION: u32 = 2;
/// The format without a history.
const FORMAT_VERSION_1: u32 = 1;
/// The text in place of a history that is not known.
const UNKNOWN: &str = "unknown";

/// The mark of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoreMark {
    pub(crate) lineage: LineageId,
    pub(crate) log: LogId,
    pub(crate) point: LogPoint,
}

impl StoreMark {
    /// Parses the mark of the store at `path`.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, FileError> {
        let damaged = || FileError::Damaged {
            path: path.to_owned(),
            offset: 0,
            reason: format!(
                "{:?} is not the mark of a live store",
                text.chars().take(200).collect::<String>()
            ),
        };
        let words: Vec<&str> = text.split(' ').collect();
        let ["format", version, rest @ ..] = words.as_slice() else {
            return Err(damaged());
        };
        let found = version.parse().map_err(|_| damaged())?;
        if !(FORMAT_VERSION_1..=FORMAT_VERSION).contains(&found) {
            return Err(FileError::UnknownVersion {
                path: path.to_owned(),
                found,
                supported: FORMAT_VERSION,
            });
        }
        let ["lineage", lineage, "log", log, "scn", scn, rest @ ..] = rest else {
            return Err(damaged());
        };
        let history = match (found, rest) {
            (FORMAT_VERSION_1, []) | (FORMAT_VERSION, ["history", UNKNOWN]) => None,
            (FORMAT_VERSION, ["history", history]) => {
                Some(history.parse::<History>().map_err(|_| damaged())?)
            }
            _ => return Err(damaged()),
        };
        let scn = Scn::new(scn.parse().map_err(|_| damaged())?);
        Ok(Self {
            lineage: lineage.parse().map_err(|_| damaged())?,
            log: log.parse().map_err(|_| damaged())?,
            point: LogPoint { scn, history },
        })
    }

    /// Rejects a store of another base or log.
    pub(crate) fn check(
        &self,
        path: &Path,
        lineage: LineageId,
        log: LogId,
    ) -> Result<(), FileError> {
        if self.lineage != lineage {
            return Err(FileError::ForeignLineage {
                path: path.to_owned(),
                expected: lineage,
                found: self.lineage,
            });
        }
        if self.log != log {
            return Err(FileError::ForeignLog {
                path: path.to_owned(),
                expected: log,
                found: self.log,
            });
        }
        Ok(())
    }

    /// Returns the mark of the same store at another point.
    pub(crate) fn at(self, point: LogPoint) -> Self {
        Self { point, ..self }
    }
}

impl fmt::Display for StoreMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lineage,
            log,
            point: LogPoint { scn, history },
        } = self;
        write!(
            f,
            "format {FORMAT_VERSION} lineage {lineage} log {log} scn {scn} history "
        )?;
        match history {
            Some(history) => write!(f, "{history}"),
            None => f.write_str(UNKNOWN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_read_back_and_foreign_ones_are_refused() {
        let path = Path::new("store");
        let mark = StoreMark {
            lineage: LineageId::new(7),
            log: LogId::new(9),
            point: LogPoint {
                scn: Scn::new(12),
                history: History::new(0xabc),
            },
        };
        assert_eq!(StoreMark::parse(path, &mark.to_string()).unwrap(), mark);
        let unknown = mark.at(Scn::new(13).into());
        let text = unknown.to_string();
        assert_eq!(StoreMark::parse(path, &text).unwrap(), unknown);
        let earlier = text
            .replace("format 2", "format 1")
            .replace(" history unknown", "");
        assert_eq!(StoreMark::parse(path, &earlier).unwrap(), unknown);
        assert!(mark.check(path, mark.lineage, mark.log).is_ok());
        let refused = |lineage, log| {
            mark.check(path, LineageId::new(lineage), LogId::new(log))
                .unwrap_err()
        };
        assert!(matches!(refused(8, 9), FileError::ForeignLineage { .. }));
        assert!(matches!(refused(7, 8), FileError::ForeignLog { .. }));
        let newer = mark.to_string().replace("format 2", "format 3");
        assert!(matches!(
            StoreMark::parse(path, &newer),
            Err(FileError::UnknownVersion { found: 3, .. })
        ));
        let without = mark.to_string().replace(" history 0000000000000abc", "");
        let zero = mark.to_string().replace("0abc", "0000");
        for text in [
            "",
            "format",
            "format 1",
            "format 1 lineage x log y scn 1",
            &without,
            &zero,
        ] {
            assert!(
                matches!(StoreMark::parse(path, text), Err(FileError::Damaged { .. })),
                "{text:?}"
            );
        }
    }
}
