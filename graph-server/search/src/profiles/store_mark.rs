//! The mark of each store under `live/`: its base, the log that it follows, and its SCN.
//!
//! The mark is a line of text: `format 1 lineage <32 hex> log <32 hex> scn <number>`. A store of
//! another base or log is rejected by name, because its nodes are other members.

use cloud_engine::FileError;
use cloud_model::{LineageId, LogId, Scn};
use std::{fmt, path::Path};

const FORMAT_VERSION: u32 = 1;

/// The mark of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoreMark {
    pub(crate) lineage: LineageId,
    pub(crate) log: LogId,
    pub(crate) scn: Scn,
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
        if found != FORMAT_VERSION {
            return Err(FileError::UnknownVersion {
                path: path.to_owned(),
                found,
                supported: FORMAT_VERSION,
            });
        }
        let ["lineage", lineage, "log", log, "scn", scn] = rest else {
            return Err(damaged());
        };
        Ok(Self {
            lineage: lineage.parse().map_err(|_| damaged())?,
            log: log.parse().map_err(|_| damaged())?,
            scn: Scn::new(scn.parse().map_err(|_| damaged())?),
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

    /// Returns the mark of the same store at a later SCN.
    pub(crate) fn at(self, scn: Scn) -> Self {
        Self { scn, ..self }
    }
}

impl fmt::Display for StoreMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lineage, log, scn } = self;
        write!(
            f,
            "format {FORMAT_VERSION} lineage {lineage} log {log} scn {scn}"
        )
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
            scn: Scn::new(12),
        };
        assert_eq!(StoreMark::parse(path, &mark.to_string()).unwrap(), mark);
        assert!(mark.check(path, mark.lineage, mark.log).is_ok());
        let refused = |lineage, log| {
            mark.check(path, LineageId::new(lineage), LogId::new(log))
                .unwrap_err()
        };
        assert!(matches!(refused(8, 9), FileError::ForeignLineage { .. }));
        assert!(matches!(refused(7, 8), FileError::ForeignLog { .. }));
        let newer = mark.to_string().replace("format 1", "format 2");
        assert!(matches!(
            StoreMark::parse(path, &newer),
            Err(FileError::UnknownVersion { found: 2, .. })
        ));
        for text in ["", "format", "format 1", "format 1 lineage x log y scn 1"] {
            assert!(
                matches!(StoreMark::parse(path, text), Err(FileError::Damaged { .. })),
                "{text:?}"
            );
        }
    }
}
