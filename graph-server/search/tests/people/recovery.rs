//! Crashes: copies of the live stores, made while they are open, recover to one SCN, and replay
//! makes them equal.

use crate::{
    random::Random,
    site::{LOG, Site, Truth, apply, id, network, open},
};
use cloud_engine::{Graph, Manifest, Writer};
use cloud_model::{LogId, Scn};
use cloud_search::{ProfileStore, Query, search};
use std::{fs, io, path::Path, sync::Arc};

/// Copies the live stores as a crash would leave them. Merges run in the background: if the index's
/// list of segments changes during a copy, the copy is repeated.
fn copy(from: &Path, to: &Path) {
    let segments = || fs::read(from.join("search/meta.json")).ok();
    loop {
        let before = segments();
        if copy_files(from, to).is_ok() && segments() == before {
            return;
        }
        fs::remove_dir_all(to).unwrap();
    }
}

fn copy_files(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_files(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// Replaces another site's index by this site's.
fn copy_index(site: &Site, live: &Path) {
    let whole = live.with_extension("whole");
    copy(&site.live(), &whole);
    fs::remove_dir_all(live.join("search")).unwrap();
    fs::rename(whole.join("search"), live.join("search")).unwrap();
}

/// Returns everything that profiles and index contain.
fn all(people: &ProfileStore, graph: &Graph, truth: &Truth) -> Vec<String> {
    let published = people.published();
    let mut said = vec![format!("SCN {}", published.scn())];
    for &member in truth.profiles.keys() {
        let node = graph.node(id(member)).unwrap();
        said.push(format!("{:?}", published.profile(node, member).unwrap()));
    }
    let Some(&viewer) = truth.profiles.keys().next() else {
        return said;
    };
    let network = network(graph, viewer, &[]);
    for text in [
        "",
        "anna",
        "engineer",
        "title:engineer OR name:zoe",
        "-anna",
    ] {
        let query = Query::parse(text).unwrap();
        said.push(format!(
            "{:?}",
            search(&published, &query, &network, 1_000, None, &|| false).unwrap()
        ));
    }
    said
}

/// Replays the log above the SCN of the stores, with a graph that starts at the beginning.
fn replayed(site: &Site, live: &str) -> (ProfileStore, Graph) {
    let (people, mut writer) = open(site.directory.path(), &site.manifest, live);
    let mut graph = Writer::new(Arc::clone(&site.base), Scn::BEGINNING);
    for (scn, changes) in &site.windows {
        apply(&mut graph, &mut writer, *scn, changes);
    }
    let end = graph.version().graph();
    writer.commit(end.scn()).unwrap();
    (people, end)
}

fn check(seed: u64) {
    let random = &mut Random(seed);
    let mut truth = Truth::default();
    for member in 1..40 {
        truth
            .profiles
            .insert(member * 2, random.profile(member * 2));
    }
    let mut site = Site::new(truth);
    let mut died = Vec::new();
    for scn in 1..=30 {
        let changes = (0..1 + random.below(6))
            .map(|_| random.change(100))
            .collect();
        site.apply(scn, changes);
        if random.chance(40) {
            // A crash between the two commits: the profiles are new, the index is old.
            let name = format!("died-{scn}");
            let to = site.directory.path().join(&name);
            copy(&site.live(), &to);
            site.commit();
            fs::copy(site.live().join("profiles.redb"), to.join("profiles.redb")).unwrap();
            died.push((name, Scn::new(scn)));
            if random.chance(30) {
                // The profiles are older than the index: restored from a backup.
                let name = format!("restored-{scn}");
                let restored = site.directory.path().join(&name);
                copy(&to, &restored);
                copy_index(&site, &restored);
                copy(
                    &site.live(),
                    &site.directory.path().join(format!("whole-{scn}")),
                );
                died.push((name, Scn::new(scn)));
                died.push((format!("whole-{scn}"), Scn::new(scn)));
            }
        }
    }
    site.commit();
    let expected = all(&site.people, &site.graph(), &site.truth);
    for (name, scn) in died {
        {
            let (people, _writer) = open(site.directory.path(), &site.manifest, &name);
            assert_eq!(people.applied_scn(), scn, "seed {seed}, {name}");
        }
        let (people, graph) = replayed(&site, &name);
        assert_eq!(
            all(&people, &graph, &site.truth),
            expected,
            "seed {seed}, {name}"
        );
    }
    let (people, graph) = replayed(&site, "never-lived");
    assert_eq!(
        all(&people, &graph, &site.truth),
        expected,
        "seed {seed}, rebuilt"
    );
}

#[test]
fn live_stores_come_back_and_converge() {
    for seed in 1..=4 {
        check(seed);
    }
}

fn changing_site(random: &mut Random) -> Site {
    let profiles = (1..20).map(|member| (member, random.profile(member)));
    Site::new(Truth {
        profiles: profiles.collect(),
        ..Truth::default()
    })
}

fn change(site: &mut Site, scn: u64, random: &mut Random) {
    site.apply(scn, (0..30).map(|_| random.change(30)).collect());
    site.commit();
}

#[test]
fn profiles_older_than_the_index_are_what_counts() {
    let random = &mut Random(3);
    let mut site = changing_site(random);
    change(&mut site, 1, random);
    let (early, was) = (
        site.directory.path().join("early"),
        all(&site.people, &site.graph(), &site.truth),
    );
    copy(&site.live(), &early);
    let then = (site.graph(), site.truth.clone());
    change(&mut site, 2, random);
    copy_index(&site, &early);

    {
        let (people, _writer) = open(site.directory.path(), &site.manifest, "early");
        assert_eq!(all(&people, &then.0, &then.1), was);
    }
    let (people, graph) = replayed(&site, "early");
    assert_eq!(
        all(&people, &graph, &site.truth),
        all(&site.people, &site.graph(), &site.truth)
    );
}

#[test]
fn live_profiles_older_than_the_snapshot_give_way_to_its_own() {
    let random = &mut Random(8);
    let mut site = changing_site(random);
    change(&mut site, 1, random);
    let directory = site.directory.path().to_owned();
    let (with_copy, without) = (directory.join("old-1"), directory.join("old-2"));
    copy(&site.live(), &with_copy);
    copy(&site.live(), &without);
    change(&mut site, 2, random);
    let published = site.people.published();
    let mut manifest = Manifest {
        scn: Scn::new(2),
        ..site.manifest.clone()
    };
    let copied = published
        .copy_changed(&directory.join("snapshot"), published.scn())
        .unwrap();
    manifest.files.push(copied);
    // Opened twice: the stores that the first open copied persist.
    for _ in 0..2 {
        let (people, _writer) = open(&directory, &manifest, "old-1");
        assert_eq!(
            all(&people, &site.graph(), &site.truth),
            all(&site.people, &site.graph(), &site.truth)
        );
    }
    // The manifest of a snapshot without live profiles declares its other files valid at its own
    // SCN.
    manifest.files.pop();
    let (fresh, _writer) = open(&directory, &manifest, "never-lived");
    let (replaced, _writer) = open(&directory, &manifest, "old-2");
    assert_eq!(
        all(&replaced, &site.graph(), &site.truth),
        all(&fresh, &site.graph(), &site.truth)
    );
}

#[test]
fn a_damaged_live_index_is_made_anew_from_the_profiles() {
    let random = &mut Random(11);
    let mut truth = Truth::default();
    for member in 1..30 {
        truth.profiles.insert(member, random.profile(member));
    }
    let mut site = Site::new(truth);
    for scn in 1..=3 {
        site.apply(scn, (0..30).map(|_| random.change(40)).collect());
        site.commit();
    }
    let expected = all(&site.people, &site.graph(), &site.truth);
    copy(&site.live(), &site.directory.path().join("sound"));
    let sound = site.directory.path().join("sound/search");
    // Merged segments are no longer read, and may still be present.
    let in_use = fs::read_to_string(sound.join("meta.json"))
        .unwrap()
        .replace('-', "");
    let files = fs::read_dir(sound).unwrap();
    let mut damaged = 0;
    for (number, file) in files.enumerate() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let (segment, end) = name.split_once('.').unwrap();
        let is_read =
            ["idx", "term", "pos", "fast", "fieldnorm"].contains(&end) && in_use.contains(segment);
        if !is_read && !["meta.json", ".managed.json"].contains(&name.as_str()) {
            continue;
        }
        let losses: [fn(&mut Vec<u8>); 3] = [
            Vec::clear,
            |bytes| bytes.truncate(bytes.len() / 4),
            |bytes| {
                let middle = bytes.len() / 4;
                bytes[middle] ^= 4;
            },
        ];
        for loss in losses {
            let live = format!("damaged-{number}-{damaged}");
            let to = site.directory.path().join(&live);
            copy(&site.directory.path().join("sound"), &to);
            let path = to.join("search").join(&name);
            let mut bytes = fs::read(&path).unwrap();
            loss(&mut bytes);
            fs::write(&path, bytes).unwrap();
            let (people, writer) = open(site.directory.path(), &site.manifest, &live);
            assert!(!writer.replaced().is_empty(), "{name}");
            assert_eq!(all(&people, &site.graph(), &site.truth), expected, "{name}");
            writer.close(people.applied_scn()).unwrap();
            drop(people);
            let (_, writer) = open(site.directory.path(), &site.manifest, &live);
            let replaced = writer.replaced();
            assert!(replaced.is_empty(), "{name}, opened again: {replaced:?}");
            damaged += 1;
        }
    }
    assert!(damaged >= 3 * 7, "only {damaged} files");
}

#[test]
fn a_file_that_a_killed_commit_has_left_is_written_anew() {
    let random = &mut Random(5);
    let mut truth = Truth::default();
    for member in 1..40 {
        truth.profiles.insert(member, random.profile(member));
    }
    let mut site = Site::new(truth);
    site.apply(1, (0..40).map(|_| random.change(40)).collect());
    site.commit();
    let killed = site.directory.path().join("killed");
    copy(&site.live(), &killed);
    site.apply(2, (0..12).map(|_| random.change(40)).collect());
    site.commit();
    // The second commit has written everything but the list of segments.
    let mut left = Vec::new();
    for file in fs::read_dir(site.live().join("search")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let to = killed.join("search").join(&name);
        if !to.exists() {
            fs::copy(site.live().join("search").join(&name), to).unwrap();
            left.push(name);
        }
    }
    assert!(left.iter().any(|name| name.ends_with(".del")), "{left:?}");
    let (people, graph) = replayed(&site, "killed");
    assert_eq!(
        all(&people, &graph, &site.truth),
        all(&site.people, &site.graph(), &site.truth)
    );
}

#[test]
fn what_nothing_changes_stays_published() {
    let mut site = Site::new(Truth {
        profiles: [(1, Random(1).profile(1))].into(),
        ..Truth::default()
    });
    let before = site.people.published();
    site.apply(5, Vec::new());
    assert_eq!(before.scn(), Scn::new(5));
    assert!(
        before.holds_at(Scn::BEGINNING)
            && before.holds_at(Scn::new(5))
            && !before.holds_at(Scn::new(6))
    );
    site.apply(7, vec![Random(2).change(1)]);
    assert_eq!(before.scn(), Scn::new(5));
    site.commit();
    assert_eq!(before.scn(), Scn::new(5));
    assert_eq!(site.people.applied_scn(), Scn::new(7));
    // The SCN of the stores is durable even when no change is pending.
    site.apply(9, Vec::new());
    site.commit();
    let Site {
        directory,
        manifest,
        people,
        writer,
        ..
    } = site;
    drop((people, writer, before));
    assert_eq!(
        open(directory.path(), &manifest, "live").0.applied_scn(),
        Scn::new(9)
    );
}

/// Without its directory, no attempt to commit the index succeeds, and none ends the process.
#[test]
fn a_commit_that_failed_several_times_succeeds_once_the_index_can_be_written() {
    let random = &mut Random(7);
    let mut truth = Truth::default();
    for member in 1..20 {
        truth.profiles.insert(member, random.profile(member));
    }
    let mut site = Site::new(truth);
    let changes = |random: &mut Random| (0..5).map(|_| random.change(30)).collect();
    site.apply(1, changes(random));
    site.commit();
    let (index, away) = (site.live().join("search"), site.live().join("away"));
    fs::rename(&index, &away).unwrap();
    for scn in 2..5 {
        site.apply(scn, changes(random));
        assert!(site.writer.commit(Scn::new(scn)).is_err(), "{scn}");
    }
    fs::rename(&away, &index).unwrap();
    site.commit();
    let (people, graph) = replayed(&site, "replayed");
    let expected = all(&people, &graph, &site.truth);
    assert_eq!(all(&site.people, &site.graph(), &site.truth), expected);
}

/// Makes the live profiles again, from a snapshot without any, while the old ones are served.
#[test]
fn profiles_that_are_made_again_are_published_once_they_have_caught_up() {
    let random = &mut Random(13);
    let mut site = changing_site(random);
    for scn in 1..=5 {
        change(&mut site, scn, random);
    }
    let expected = all(&site.people, &site.graph(), &site.truth);
    let (snapshot, live) = (site.directory.path().join("snapshot"), site.live());
    site.writer.abandon();
    let opened = site
        .people
        .open_again(&snapshot, &site.manifest, &live, LogId::new(LOG));
    let mut writer = opened.unwrap();
    assert_eq!(writer.applied_scn(), Scn::BEGINNING);
    assert!(live.join("damaged-profiles.redb").exists());
    let mut graph = Writer::new(Arc::clone(&site.base), Scn::BEGINNING);
    let last = site.windows.len() - 1;
    for (at, (scn, changes)) in site.windows.iter().enumerate() {
        apply(&mut graph, &mut writer, *scn, changes);
        writer.commit(*scn).unwrap();
        assert_eq!(writer.is_current(), at == last, "{scn}");
        assert_eq!(all(&site.people, &site.graph(), &site.truth), expected);
        assert_eq!(writer.applied_scn(), *scn);
    }
    writer.close(Scn::new(5)).unwrap();
    let Site {
        directory,
        manifest,
        people,
        writer: abandoned,
        truth,
        ..
    } = site;
    drop((people, abandoned));
    let (people, _writer) = open(directory.path(), &manifest, "live");
    let graph = graph.version().graph();
    assert_eq!(all(&people, &graph, &truth), expected);
}

/// Removes a directory into which a thread of the index may be writing: a file that appears while
/// it is emptied makes the removal fail.
fn remove_all(directory: &Path) {
    loop {
        match fs::remove_dir_all(directory) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            removed => return removed.unwrap(),
        }
    }
}

#[test]
fn an_index_that_is_made_again_equals_the_one_before() {
    let random = &mut Random(17);
    let mut site = changing_site(random);
    for scn in 1..=3 {
        change(&mut site, scn, random);
    }
    // The directory is gone, or something else is in its place.
    let index = site.live().join("search");
    for (scn, is_replaced) in [(4, false), (5, true)] {
        remove_all(&index);
        if is_replaced {
            fs::write(&index, "x").unwrap();
        }
        site.apply(scn, (0..30).map(|_| random.change(30)).collect());
        let failed = site.writer.commit(Scn::new(scn)).unwrap_err();
        assert!(failed.is_of_index() && !failed.is_permanent(), "{failed}");
        site.writer.rebuild_index().unwrap();
        site.commit();
        let (people, graph) = replayed(&site, &format!("replayed-{scn}"));
        let expected = all(&people, &graph, &site.truth);
        assert_eq!(all(&site.people, &site.graph(), &site.truth), expected);
    }
}
