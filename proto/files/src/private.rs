//! Files of a process are its user's alone: mode 0600, and folders 0700.
//!
//! Snapshots, logs and dumps hold members' names and connections. The mode is set for the process
//! as a whole, not at each file: the search index and the profile store create files themselves,
//! and a file that someone adds later must not be forgotten.

use rustix::fs::Mode;

/// Makes every file and folder that the process creates from now on accessible to its user alone,
/// whatever mask the process has inherited. Each binary calls this first.
///
/// A library does not: the mask belongs to the whole process.
pub fn keep_private() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}
