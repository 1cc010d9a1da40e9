//! Prints the counts of [`cloud_source::prose`] for the workspace in a folder (default: this one).
//!
//! With the second argument `places`, it also prints every place that was counted.

use std::path::PathBuf;

use cloud_source::{prose, workspace};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let root = arguments.next().map_or_else(workspace::root, PathBuf::from);
    let all = prose::findings(&root);
    if arguments
        .next()
        .is_some_and(|argument| argument == "places")
    {
        for finding in all.iter().flat_map(|(_, found)| found) {
            eprintln!("{finding}");
        }
    }
    print!("{}", prose::table(&all));
}
