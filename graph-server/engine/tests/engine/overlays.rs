//! The overlay's file reads back as the state that was written, and the writer continues from it as
//! if never stopped.

use std::{path::Path, sync::Arc};

use cloud_engine::{FileError, Manifest, StandsAt, Writer, read_overlay};
use cloud_model::{History, LineageId, LogId, LogPoint, Scn, SourceMark};
use proptest::prelude::*;

use crate::{
    histories::replay,
    model::{Model, check_graph},
    shapes::histories,
};

const LOG: u128 = 77;

fn manifest(scn: Scn) -> Manifest {
    let stands_at = StandsAt::AtScn {
        log_id: LogId::new(LOG),
        scn,
        history: None,
    };
    Manifest {
        ..Manifest::new(LineageId::default(), scn, stands_at)
    }
}

fn source_marks() -> Vec<SourceMark> {
    vec![SourceMark {
        source_id: "core".to_owned(),
        offset: 90,
        scn: Scn::new(4),
    }]
}

/// More points than one section's alignment holds.
fn points() -> Vec<LogPoint> {
    let point = |number| LogPoint {
        scn: Scn::new(number),
        history: Some(History::of_hash(number + 100)),
    };
    (1..=9).map(point).collect()
}

/// Recovers the overlay, which must be the newest file's.
fn recover(site: &Path, model: &Model, scn: Scn) -> Writer {
    let recovered = read_overlay(
        site,
        &Arc::new(model.base()),
        &manifest(scn),
        LogId::new(LOG),
    )
    .expect("reads");
    assert_eq!(recovered.refused.len(), 0, "{:?}", recovered.refused);
    assert_eq!(recovered.sources, source_marks());
    assert_eq!(recovered.points, points());
    assert_eq!(recovered.scn, recovered.writer.version().published());
    recovered.writer
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_written_is_read_and_goes_on(
        history in histories(14, 12),
        cut in any::<prop::sample::Index>(),
    ) {
        let site = tempfile::tempdir().expect("a directory");
        let mut before = history.clone();
        let after = before
            .windows
            .split_off(cut.index(history.windows.len() + 1));
        let (writer, models) = replay(&before);
        writer
            .write_overlay(site.path(), LogId::new(LOG), &source_marks(), &points())
            .expect("writes");
        let mut restored = recover(site.path(), &history.model, history.begins);
        let (scn, model) = models.last().expect("the beginning at least");
        prop_assert_eq!(restored.version().published(), *scn);
        check_graph(&restored.version().graph(), model, &history.known);
        prop_assert!(
            scn.get() == 0
                || restored
                    .version()
                    .graph_at(Scn::new(scn.get() - 1))
                    .is_none()
        );
        let (old, new) = (writer.version().graph(), restored.version().graph());
        prop_assert_eq!(old.member_count(), new.member_count());
        prop_assert_eq!(old.connection_count(), new.connection_count());
        for &id in &history.known {
            let id = crate::model::member(id);
            prop_assert_eq!(old.known_node(id), new.known_node(id));
        }
        let mut model = model.clone();
        for window in &after {
            restored
                .apply(window.scn, &window.changes)
                .expect("SCNs ascend");
            window.changes.iter().for_each(|change| model.apply(change));
            check_graph(&restored.version().graph(), &model, &history.known);
        }
        restored
            .write_overlay(site.path(), LogId::new(LOG), &source_marks(), &points())
            .expect("writes");
        let again = recover(site.path(), &history.model, history.begins);
        check_graph(&again.version().graph(), &model, &history.known);
    }

    #[test]
    fn damage_is_named_and_the_older_file_taken(
        history in histories(8, 6),
        place in any::<prop::sample::Index>(),
        bit in 0..8u32,
        cut in any::<bool>(),
    ) {
        let site = tempfile::tempdir().expect("a directory");
        let (mut writer, models) = replay(&history);
        let older = writer
            .write_overlay(site.path(), LogId::new(LOG), &source_marks(), &points())
            .expect("writes");
        let (scn, model) = models.last().expect("the beginning at least");
        writer.publish(Scn::new(scn.get() + 1)).expect("ascends");
        let newer = writer
            .write_overlay(site.path(), LogId::new(LOG), &source_marks(), &points())
            .expect("writes");
        damage(&newer, place, bit, cut);
        let base = Arc::new(history.model.base());
        let recovered = read_overlay(
            site.path(),
            &base,
            &manifest(history.begins),
            LogId::new(LOG),
        )
        .expect("reads");
        prop_assert_eq!(recovered.scn, *scn);
        check_graph(&recovered.writer.version().graph(), model, &history.known);
        let [refused] = recovered.refused.as_slice() else {
            panic!("{:?}", recovered.refused)
        };
        prop_assert!(
            refused.to_string().contains(newer.to_str().expect("UTF-8")),
            "{}",
            refused
        );
        damage(&older, place, bit, cut);
        let recovered = read_overlay(
            site.path(),
            &base,
            &manifest(history.begins),
            LogId::new(LOG),
        )
        .expect("reads");
        prop_assert_eq!(
            (recovered.scn, recovered.refused.len()),
            (history.begins, 2)
        );
        check_graph(
            &recovered.writer.version().graph(),
            &history.model,
            &history.known,
        );
    }
}

/// Flips a bit, or truncates the file.
pub(crate) fn damage(path: &Path, place: prop::sample::Index, bit: u32, cut: bool) {
    let mut bytes = std::fs::read(path).expect("reads");
    let place = place.index(bytes.len());
    if cut {
        bytes.truncate(place);
    } else {
        bytes[place] ^= 1 << bit;
    }
    std::fs::write(path, bytes).expect("writes");
}

#[test]
fn foreign_overlays_are_refused_by_name() {
    let site = tempfile::tempdir().expect("a directory");
    let base = Arc::new(cloud_engine::Base::empty(LineageId::new(1)));
    let mut writer = Writer::new(base.clone(), Scn::new(5));
    writer.publish(Scn::new(6)).expect("ascends");
    writer
        .write_overlay(site.path(), LogId::new(LOG), &[], &[])
        .expect("writes");
    let refusal = |lineage: u128, base_scn: u64, log: u128| {
        let base = Arc::new(cloud_engine::Base::empty(LineageId::new(lineage)));
        let recovered = read_overlay(
            site.path(),
            &base,
            &manifest(Scn::new(base_scn)),
            LogId::new(log),
        )
        .expect("reads");
        recovered.refused.into_iter().next()
    };
    assert!(refusal(1, 5, LOG).is_none());
    assert!(matches!(
        refusal(2, 5, LOG),
        Some(FileError::ForeignLineage { found, .. }) if found == LineageId::new(1)
    ));
    assert!(matches!(
        refusal(1, 5, 78),
        Some(FileError::ForeignLog { found, .. }) if found == LogId::new(LOG)
    ));
    assert!(matches!(
        refusal(1, 4, LOG),
        Some(FileError::OtherBase { found, .. }) if found == Scn::new(5)
    ));
}

#[test]
fn only_the_newest_two_stay() {
    let site = tempfile::tempdir().expect("a directory");
    let mut writer = Writer::new(
        Arc::new(cloud_engine::Base::empty(LineageId::default())),
        Scn::BEGINNING,
    );
    for scn in 1..=5 {
        writer.publish(Scn::new(scn)).expect("ascends");
        writer
            .write_overlay(site.path(), LogId::new(LOG), &[], &[])
            .expect("writes");
        writer
            .write_overlay(site.path(), LogId::new(LOG), &[], &[])
            .expect("writes the same again");
    }
    let mut names: Vec<String> = std::fs::read_dir(site.path())
        .expect("reads")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .filter(|name| name.contains("overlay"))
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "overlay-00000000000000000004.bin",
            "overlay-00000000000000000005.bin"
        ]
    );
}

#[test]
fn a_file_under_another_name_is_refused() {
    let site = tempfile::tempdir().expect("a directory");
    let base = Arc::new(cloud_engine::Base::empty(LineageId::default()));
    std::fs::write(site.path().join(".building-overlay.bin"), "left by a crash").expect("writes");
    let path = Writer::new(base.clone(), Scn::new(3))
        .write_overlay(site.path(), LogId::new(LOG), &[], &[])
        .expect("writes");
    std::fs::rename(path, site.path().join("overlay-00000000000000000009.bin")).expect("renames");
    let recovered =
        read_overlay(site.path(), &base, &manifest(Scn::new(3)), LogId::new(LOG)).expect("reads");
    assert_eq!(recovered.scn, Scn::new(3));
    assert!(
        matches!(
            recovered.refused.as_slice(),
            [FileError::Damaged { offset: 56, .. }]
        ),
        "{:?}",
        recovered.refused
    );
}
