//! Builds the site of a server with a core database, if there is none.

use crate::{
    config::{Config, Databus},
    core_database::CoreDatabaseError,
};
use cloud_capture::{Database, bootstrap::slot_exists};
use cloud_engine::newest_snapshots;
use cloud_files::FolderLock;
use cloud_serving::log::LogFormat;
use loader::{CoreDatabaseOptions, OnError, Options};
use std::{fs, path::Path, time::Instant};
use tokio::runtime::Handle;

/// Takes the folder of a server with a core database, and builds the site if there is none. The
/// folders must be set (`Config::with_folders`). Blocks for as long as the build takes.
///
/// A build ends with the slot that keeps the later changes. If the process was killed between the
/// snapshot and the slot, the snapshot is built again: no log was begun on it.
///
/// # Errors
/// If the folder is in use, or the build fails.
pub(crate) fn bootstrap(
    config: &Config,
    runtime: &Handle,
) -> Result<FolderLock, CoreDatabaseError> {
    let (data, site) = (&config.data, &config.snapshot);
    let of_folder = |path: &Path| {
        let path = path.to_owned();
        move |source| CoreDatabaseError::Folder { path, source }
    };
    fs::create_dir_all(data).map_err(of_folder(data))?;
    let lock = FolderLock::take(data)?;
    let has_log = match &config.databus {
        Databus::Embedded(log) => log.exists(),
        Databus::Relay(_) => false,
    };
    if has_log {
        return Ok(lock);
    }
    if site.exists() && !newest_snapshots(site)?.is_empty() {
        let database = Database::at(&config.core_database)?;
        if runtime.block_on(slot_exists(&database, &config.slot))? {
            return Ok(lock);
        }
        tracing::warn!(
            slot = config.slot,
            "the snapshot has no slot in the core database and no log: it is built again"
        );
        fs::remove_dir_all(site).map_err(of_folder(site))?;
    }
    build(config)?;
    Ok(lock)
}

fn build(config: &Config) -> Result<(), CoreDatabaseError> {
    let begun = Instant::now();
    tracing::info!(
        database = config.core_database,
        "building the site from the core database"
    );
    let summary = loader::build(&Options {
        from_postgres: Some(CoreDatabaseOptions {
            address: config.core_database.clone(),
            mapping: config.mapping.clone(),
            slot: config.slot.clone(),
            replaces_slot: false,
            publication: config.publication.clone(),
            capture_state: config.data.join("capture"),
            refused_rows_max: Some(config.dead_letters_max),
        }),
        out: config.snapshot.clone(),
        on_error: OnError::Skip,
        // The lines of the stages are no JSON.
        shows_progress: config.log_format == LogFormat::Text,
        ..Options::default()
    })?;
    if let Some(rejected) = &summary.rejected {
        tracing::warn!(
            rows = rejected.rows,
            list = %rejected.list.display(),
            "rows break a rule, and are not in the site"
        );
    }
    tracing::info!(
        members = summary.manifest.members,
        connections = summary.manifest.connections,
        position = summary.slot.map(|slot| slot.lsn),
        seconds = begun.elapsed().as_secs_f64(),
        "the site is built"
    );
    Ok(())
}
