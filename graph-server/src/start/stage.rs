//! How far the start is, for the probes that arrive meanwhile.

use crate::ingest::progress::Progress;
use cloud_model::Scn;
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// The present stage of a start. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct StartStage(Arc<Mutex<Stage>>);

/// A stage of a start.
#[derive(Default)]
pub(crate) enum Stage {
    /// The newest sound snapshot is opened and verified.
    #[default]
    Snapshot,
    /// The site is built from the core database, if there is none.
    Bootstrap,
    /// The log is opened: an embedded one is recovered, a relay's status is requested.
    Log,
    /// The relay does not answer, for this reason.
    Relay(String),
    /// Profiles and search index are opened, and replaced where they are damaged.
    Profiles,
    Overlay,
    /// The windows up to the head are applied.
    Replay {
        progress: Arc<Progress>,
        head: Scn,
    },
}

impl StartStage {
    pub(crate) fn set(&self, stage: Stage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }
}

impl fmt::Display for StartStage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Stage::Snapshot => formatter.write_str("loading the snapshot"),
            Stage::Bootstrap => formatter.write_str("building the site from the core database"),
            Stage::Log => formatter.write_str("opening the log"),
            Stage::Relay(reason) => write!(formatter, "waiting for the relay: {reason}"),
            Stage::Profiles => formatter.write_str("opening profiles and search"),
            Stage::Overlay => formatter.write_str("reading the overlay"),
            Stage::Replay { progress, head } => {
                let reached = progress.reached();
                let graph = reached.graph.scn;
                write!(
                    formatter,
                    "replaying the log to SCN {head}: graph at {graph}"
                )?;
                if reached.profiles.is_served() {
                    write!(formatter, ", profiles at {}", reached.profiles.scn)?;
                }
                match &reached.out_of_reach {
                    Some(away) => write!(formatter, ", waiting for the relay: {}", away.reason),
                    None => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ingest::progress::{Part, PartProgress, Reached},
        limits::Limits,
        log_source::OutOfReach,
    };
    use cloud_model::LogId;
    use std::time::Instant;

    #[test]
    fn each_stage_says_how_far_the_start_is() {
        let shown = StartStage::default();
        let check = |stage, expected: &str| {
            shown.set(stage);
            assert_eq!(shown.to_string(), expected);
        };
        assert_eq!(shown.to_string(), "loading the snapshot");
        check(Stage::Bootstrap, "building the site from the core database");
        check(Stage::Log, "opening the log");
        check(
            Stage::Relay("no answer".to_owned()),
            "waiting for the relay: no answer",
        );
        let at = |scn| PartProgress::at(Scn::new(scn));
        let reached = Reached {
            graph: at(7),
            profiles: at(4),
            ..Reached::default()
        };
        let limits = Limits::default();
        let progress = Progress::new(LogId::default(), reached, Vec::new(), &limits);
        let (progress, head) = (Arc::new(progress), Scn::new(9));
        let replay = |progress: &Arc<Progress>| Stage::Replay {
            progress: Arc::clone(progress),
            head,
        };
        check(
            replay(&progress),
            "replaying the log to SCN 9: graph at 7, profiles at 4",
        );
        progress.fail(Part::Profiles, "damaged");
        check(replay(&progress), "replaying the log to SCN 9: graph at 7");
        progress.set_out_of_reach(Some(OutOfReach {
            reason: "it is away".into(),
            since: Instant::now(),
        }));
        check(
            replay(&progress),
            "replaying the log to SCN 9: graph at 7, waiting for the relay: it is away",
        );
    }
}
