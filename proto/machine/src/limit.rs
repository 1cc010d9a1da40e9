//! The memory that this process may use: that of the machine, or less where a control group allows
//! less.

use std::{
    fs,
    path::{Component, Path},
};

const MEMORY: &str = "/proc/meminfo";
/// The mount point of control groups version 2.
const GROUPS: &str = "/sys/fs/cgroup";
/// The mount point of the memory controller of version 1.
const GROUPS_V1: &str = "/sys/fs/cgroup/memory";

/// Returns the memory of the machine, or the lowest limit among the process's control group and its
/// ancestors if that is less. In bytes; `None` where the system does not say.
#[must_use]
pub fn memory_limit() -> Option<u64> {
    let machine = meminfo(&fs::read_to_string(MEMORY).ok()?, "MemTotal:")?;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = group_limit(&groups, Path::new(GROUPS), Path::new(GROUPS_V1));
    Some(machine.min(group.unwrap_or(u64::MAX)))
}

/// Returns the memory that could be used before the machine runs out, by its own estimate: what is
/// free, and what it can reclaim. In bytes; `None` where the system does not say.
#[must_use]
pub fn available_memory() -> Option<u64> {
    meminfo(&fs::read_to_string(MEMORY).ok()?, "MemAvailable:")
}

fn meminfo(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Returns the lowest limit among a process's control group and its ancestors, if there is one.
///
/// `groups` is the content of `/proc/self/cgroup`. Its line `0::/path` names the group of version
/// 2, below `root`; the line of the controller `memory` names that of version 1, below `root_v1`.
/// (See cgroups(7).)
fn group_limit(groups: &str, root: &Path, root_v1: &Path) -> Option<u64> {
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"));
    let v2 = limit_on_the_way(root, path.unwrap_or("/"), "memory.max");
    let path_v1 = groups.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let is_memory = controllers.split(',').any(|name| name == "memory");
        is_memory.then_some(path)
    });
    // A group without a limit states a number above any memory.
    let v1 = path_v1.and_then(|path| limit_on_the_way(root_v1, path, "memory.limit_in_bytes"));
    v2.into_iter().chain(v1).min()
}

/// Returns the lowest number in the files of this name, from the root to the group at a path.
fn limit_on_the_way(root: &Path, path: &str, file: &str) -> Option<u64> {
    // The path of a group that this process cannot see begins with "/..". The part of it that is
    // visible here is the root.
    let names = Path::new(path).components();
    let names = names.filter(|component| matches!(component, Component::Normal(_)));
    let group = names.fold(root.to_owned(), |group, name| group.join(name));
    group
        .ancestors()
        .take_while(|group| group.starts_with(root))
        .filter_map(|group| fs::read_to_string(group.join(file)).ok())
        // A group of version 2 without a limit has the text "max".
        .filter_map(|text| text.trim().parse().ok())
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_limit_of_the_groups_counts() {
        let (root, root_v1) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let inner = root.path().join("site/loader");
        fs::create_dir_all(&inner).unwrap();
        let check = |groups: &str, expected: Option<u64>| {
            let found = group_limit(groups, root.path(), root_v1.path());
            assert_eq!(found, expected, "{groups:?}");
        };
        let loader = "3:cpu:/old\n0::/site/loader\n";
        check(loader, None);
        fs::write(inner.join("memory.max"), "max\n").unwrap();
        check(loader, None);
        fs::write(inner.join("memory.max"), "3000\n").unwrap();
        check(loader, Some(3000));
        fs::write(root.path().join("site/memory.max"), "2000\n").unwrap();
        check(loader, Some(2000));
        check("0::/site\n", Some(2000));
        check("0::/site/loader/gone\n", Some(2000));
        check("0::/\n", None);
        fs::write(root.path().join("memory.max"), "9000\n").unwrap();
        check(loader, Some(2000));
        for groups in ["0::/\n", "0::/../other\n", "", "3:cpu:/old\n"] {
            check(groups, Some(9000));
        }
    }

    #[test]
    fn the_memory_controller_of_version_1_counts() {
        let (root, root_v1) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let inner = root_v1.path().join("site");
        fs::create_dir_all(&inner).unwrap();
        let groups = "5:cpu,memory:/site\n4:memoryless:/other\n0::/\n";
        let limit = || group_limit(groups, root.path(), root_v1.path());
        assert_eq!(limit(), None);
        let none = "9223372036854771712\n";
        fs::write(inner.join("memory.limit_in_bytes"), none).unwrap();
        fs::write(root_v1.path().join("memory.limit_in_bytes"), "7000\n").unwrap();
        assert_eq!(limit(), Some(7000));
        fs::write(inner.join("memory.limit_in_bytes"), "5000\n").unwrap();
        assert_eq!(limit(), Some(5000));
        fs::write(root.path().join("memory.max"), "4000\n").unwrap();
        assert_eq!(limit(), Some(4000));
    }

    #[test]
    fn the_machine_has_memory() {
        let limit = memory_limit().unwrap();
        assert!(limit > 1 << 28);
        assert!(available_memory().unwrap() > 0);
        assert_eq!(meminfo("MemTotal:  12 kB\n", "MemTotal:"), Some(12 << 10));
        assert_eq!(meminfo("MemTotal:  12\n", "MemTotal:"), None);
    }
}
