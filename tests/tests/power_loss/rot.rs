//! Bit rot in any file of a site: the file is refused by name, or its content is served unchanged.

use std::fs;
use std::sync::Mutex;
use std::time::Instant;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::recovery::{Promised, Served, served, written};
use crate::story::Story;
use crate::tree::Tree;
use crate::trial::{THREADS, runtime};

/// Flips one bit in the files, again and again, each file equally often. Returns how often a server
/// still served, and the failures.
pub(crate) fn rot(
    tree: &Tree,
    story: &Story,
    promised: Promised,
    flips: usize,
    seed: u64,
) -> (usize, Vec<String>) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let files: Vec<&String> = tree
        .files
        .iter()
        .filter(|(_, bytes)| !bytes.is_empty())
        .map(|(path, _)| path)
        .collect();
    let flips: Vec<(&String, usize, u32)> = (0..flips)
        .map(|flip| {
            let path = files[flip % files.len()];
            (
                path,
                random.random_range(0..tree.files[path].len()),
                random.random_range(0..8),
            )
        })
        .collect();
    let begun = Instant::now();
    let (next, judged) = (Mutex::new(flips.iter()), Mutex::new((0, Vec::new())));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let runtime = runtime();
                loop {
                    let (flip, left) = {
                        let mut next = next.lock().expect("nobody panics with it");
                        (next.next(), next.len())
                    };
                    let Some((path, at, bit)) = flip else {
                        return;
                    };
                    if left > 0 && left % 1_000 == 0 {
                        println!("{left} bits left after {:?}", begun.elapsed());
                    }
                    let folder = written(tree);
                    let mut bytes = tree.files[*path].to_vec();
                    bytes[*at] ^= 1 << bit;
                    fs::write(folder.path().join(path), bytes).expect("a file");
                    let served = served(&runtime, folder.path(), story, promised);
                    let mut judged = judged.lock().expect("nobody panics with it");
                    let name = path.rsplit('/').next().unwrap_or(path);
                    match served {
                        Served::Well(_) => judged.0 += 1,
                        Served::Not(why) if why.contains(name) => {}
                        Served::Not(why) => judged.1.push(format!(
                            "bit {bit} of byte {at} of {path}, not named: {why}"
                        )),
                        Served::Wrongly(why) => judged
                            .1
                            .push(format!("bit {bit} of byte {at} of {path}, served: {why}")),
                    }
                }
            });
        }
    });
    judged.into_inner().expect("nobody panics with it")
}
