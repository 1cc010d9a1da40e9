//! Finds which file of a crate imports from which, without its unit tests.
//!
//! Re-exports are followed to the file that they name.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::PathBuf;

use crate::tokens::{Token, split};
use crate::workspace::Crate;

/// The path of a module from the crate's root, one name an entry. Empty for the root.
pub type Module = Vec<String>;

/// The modules of a crate that are files of their own, and the imports of each from the others.
#[derive(Debug, Default)]
pub struct Imports {
    /// The file of each module.
    pub files: BTreeMap<Module, PathBuf>,
    /// The files from which each file imports, without itself and its re-exports.
    pub edges: BTreeMap<Module, BTreeSet<Module>>,
}

/// The imports and re-exports of one file.
#[derive(Default)]
struct Source {
    /// The paths that the file uses. The first name is `crate`, `self`, `super`, or a module's.
    paths: Vec<Vec<String>>,
    /// The names that the file re-exports, and from where.
    exports: BTreeMap<String, Vec<String>>,
    /// The modules that only unit tests have.
    test_modules: Vec<String>,
}

impl Imports {
    /// Reads the files below a crate's `src/`. If there is a `lib.rs`, `main.rs` is another crate's
    /// root and is skipped.
    pub fn read(of: &Crate) -> Self {
        let folder = of.folder.join("src");
        let has_library = folder.join("lib.rs").exists();
        let mut files = BTreeMap::new();
        for path in of.files("src", &["rs"]) {
            let below = path.strip_prefix(&folder).expect("a file below src/");
            let mut module: Module = (below.with_extension("").iter())
                .map(|name| name.to_string_lossy().into_owned())
                .collect();
            match module.last().map(String::as_str) {
                Some("mod") => drop(module.pop()),
                Some("lib") if module.len() == 1 => module.clear(),
                Some("main") if module.len() == 1 && has_library => continue,
                Some("main") if module.len() == 1 => module.clear(),
                _ => {}
            }
            if module.first().is_none_or(|first| first != "bin") {
                files.insert(module, path);
            }
        }
        let mut sources: BTreeMap<Module, Source> = BTreeMap::new();
        for (module, path) in &files {
            let text = fs::read_to_string(path).expect("a source file");
            sources.insert(module.clone(), Source::read(&split(&text).tokens));
        }
        let of_tests: Vec<Module> = (sources.iter())
            .flat_map(|(module, source)| source.test_modules.iter().map(|name| child(module, name)))
            .collect();
        let is_test = |module: &Module| of_tests.iter().any(|test| module.starts_with(test));
        sources.retain(|module, _| !is_test(module));
        files.retain(|module, _| !is_test(module));
        let mut edges: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
        for (module, source) in &sources {
            let targets = (source.paths.iter())
                .filter_map(|path| resolve(&sources, module, path, 0))
                .filter(|target| target != module)
                .collect();
            edges.insert(module.clone(), targets);
        }
        Self { files, edges }
    }

    /// Returns the circles of three files or more: the shortest of each, with its smallest file
    /// first.
    pub fn circles(&self) -> BTreeSet<Vec<Module>> {
        let mut circles = BTreeSet::new();
        for (from, targets) in &self.edges {
            for to in targets {
                if let Some(mut back) = self.way(to, from) {
                    let least = back.iter().enumerate().min_by_key(|(_, module)| *module);
                    let least = least.map_or(0, |(place, _)| place);
                    back.rotate_left(least);
                    circles.insert(back);
                }
            }
        }
        circles
    }

    /// Returns the shortest way over a third file.
    fn way(&self, from: &Module, to: &Module) -> Option<Vec<Module>> {
        let mut before: BTreeMap<&Module, &Module> = BTreeMap::new();
        let mut queue = VecDeque::from([from]);
        while let Some(module) = queue.pop_front() {
            for next in self.edges.get(module).into_iter().flatten() {
                if (module == from && next == to) || next == from || before.contains_key(next) {
                    continue;
                }
                before.insert(next, module);
                if next == to {
                    let mut way = vec![to.clone()];
                    while let Some(&module) = before.get(way.last()?) {
                        way.push(module.clone());
                    }
                    way.reverse();
                    return Some(way);
                }
                queue.push_back(next);
            }
        }
        None
    }
}

fn child(module: &Module, name: &str) -> Module {
    let mut child = module.clone();
    child.push(name.to_owned());
    child
}

/// Returns the file to which a path leads; `None` if it leads out of the crate.
fn resolve(
    sources: &BTreeMap<Module, Source>,
    from: &Module,
    path: &[String],
    depth: usize,
) -> Option<Module> {
    let (first, rest) = path.split_first()?;
    let (mut module, mut rest) = match first.as_str() {
        "crate" => (Module::new(), rest),
        "self" => (from.clone(), rest),
        "super" => {
            let parent = from.get(..from.len().checked_sub(1)?)?.to_vec();
            if rest.first().is_some_and(|next| next == "super") {
                return resolve(sources, &parent, rest, depth);
            }
            (parent, rest)
        }
        name if sources.contains_key(&child(from, name)) => (from.clone(), path),
        _ => return None,
    };
    while let Some((name, after)) = rest.split_first() {
        let next = child(&module, name);
        if sources.contains_key(&next) {
            (module, rest) = (next, after);
            continue;
        }
        let source = sources.get(&module)?;
        if depth > 8 {
            return Some(module);
        }
        if let Some(export) = source.exports.get(name) {
            return resolve(sources, &module, export, depth + 1).or(Some(module));
        }
        break;
    }
    Some(module)
}

impl Source {
    fn read(tokens: &[Token]) -> Self {
        let mut source = Self::default();
        let words: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
        let mut at = 0;
        while at < words.len() {
            let rest = &words[at..];
            if rest.starts_with(&["#", "[", "cfg", "(", "test", ")", "]"]) {
                at += 7;
                let length = item_length(&words[at..]);
                if let Some(place) = words[at..at + length]
                    .iter()
                    .position(|word| *word == "mod")
                    && words.get(at + place + 2) == Some(&";")
                {
                    source.test_modules.push(words[at + place + 1].to_owned());
                }
                at += length;
            } else if rest[0] == "use" {
                let end = rest
                    .iter()
                    .position(|word| *word == ";")
                    .unwrap_or(rest.len());
                let mut paths = Vec::new();
                tree(&rest[1..end], &mut Vec::new(), &mut paths);
                if is_public(&words[..at]) {
                    let named = paths.into_iter().map(|(path, name)| (name, path));
                    source.exports.extend(named);
                } else {
                    source.paths.extend(paths.into_iter().map(|(path, _)| path));
                }
                at += end;
            } else if matches!(rest[0], "crate" | "super" | "self")
                && rest.get(1) == Some(&"::")
                && !is_no_import(&words[..at])
            {
                let mut path = vec![rest[0].to_owned()];
                let mut place = 1;
                while rest.get(place) == Some(&"::")
                    && let Some(name) = rest.get(place + 1).filter(|name| is_name(name))
                {
                    path.push((*name).to_owned());
                    place += 2;
                }
                source.paths.push(path);
                at += place;
            } else {
                at += 1;
            }
        }
        source
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Returns whether the path that begins here is the inside of a longer path, a macro's `$crate`, or
/// the scope of `pub(in ...)`.
fn is_no_import(before: &[&str]) -> bool {
    matches!(before, [.., "$" | "::"] | [.., "(", "in"])
}

/// Returns whether `pub` or `pub(...)` is the last of the words before.
fn is_public(before: &[&str]) -> bool {
    matches!(
        before,
        [.., "pub"] | [.., "pub", "(", _, ")"] | [.., "pub", "(", "in", _, _, _, ")"]
    )
}

/// Returns the length of the item that begins here, up to its `;` or its closing brace.
fn item_length(words: &[&str]) -> usize {
    let mut depth = 0_usize;
    for (place, word) in words.iter().enumerate() {
        match *word {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && *word == "}" {
                    return place + 1;
                }
            }
            ";" if depth == 0 => return place + 1,
            _ => {}
        }
    }
    words.len()
}

/// Collects the paths of a `use` tree, and the name that each has in this file.
fn tree(words: &[&str], before: &mut Vec<String>, paths: &mut Vec<(Vec<String>, String)>) {
    let length = before.len();
    let mut at = 0;
    while let Some(&word) = words.get(at) {
        match word {
            "::" => at += 1,
            "{" => {
                let (mut begun, mut depth) = (at + 1, 0);
                for (place, word) in words.iter().enumerate().skip(at) {
                    match *word {
                        "{" => depth += 1,
                        "}" => depth -= 1,
                        _ => {}
                    }
                    let is_end = depth == 0;
                    if is_end || (*word == "," && depth == 1) {
                        if begun < place {
                            tree(&words[begun..place], before, paths);
                        }
                        begun = place + 1;
                    }
                    if is_end {
                        break;
                    }
                }
                before.truncate(length);
                return;
            }
            name => {
                // `self` at the end of a group is the path before it.
                if name != "self" || before.is_empty() {
                    before.push(name.to_owned());
                }
                at += 1;
                if words.get(at) == Some(&"as") {
                    break;
                }
            }
        }
    }
    let mut path = before.clone();
    let name = match words.get(at + 1) {
        Some(name) if words.get(at) == Some(&"as") => (*name).to_owned(),
        _ => path.last().cloned().unwrap_or_default(),
    };
    if path.last().is_some_and(|last| last == "*") {
        path.pop();
    }
    paths.push((path, name));
    before.truncate(length);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Source {
        Source::read(&split(text).tokens)
    }

    #[test]
    fn nested_groups_are_paths_each() {
        let source = read(
            "use crate::{a::{b::C, self, d::*}, e as f}; use super::super::g; \
             pub(in crate::no) fn x() -> crate::h::I { $crate::no::No }",
        );
        let paths: Vec<String> = source.paths.iter().map(|path| path.join("::")).collect();
        assert_eq!(
            paths,
            [
                "crate::a::b::C",
                "crate::a",
                "crate::a::d",
                "crate::e",
                "super::super::g",
                "crate::h::I"
            ]
        );
    }

    #[test]
    fn tests_and_re_exports_are_no_imports() {
        let source = read(
            "pub use a::B; pub(crate) use crate::c::D as E; #[cfg(test)] mod t; \
             #[cfg(test)] mod tests { use super::F; } use crate::g::H;",
        );
        assert_eq!(source.paths, [["crate", "g", "H"]]);
        assert_eq!(source.exports["B"], ["a", "B"]);
        assert_eq!(source.exports["E"], ["crate", "c", "D"]);
        assert_eq!(source.test_modules, ["t"]);
    }

    #[test]
    fn a_pair_is_no_circle_and_three_are_one() {
        let module = |name: &str| vec![name.to_owned()];
        let imports = |edges: &[(&str, &str)]| {
            let mut imports = Imports::default();
            for (from, to) in edges {
                let targets = imports.edges.entry(module(from)).or_default();
                targets.insert(module(to));
            }
            imports.circles()
        };
        assert!(imports(&[("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")]).is_empty());
        let found = imports(&[("b", "c"), ("c", "a"), ("a", "b")]);
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            [["a", "b", "c"].map(module).to_vec()]
        );
    }
}
