//! The memory of the machine and of this process, as the system states it.
//!
//! | request | file |
//! |---|---|
//! | the memory that the machine and the control groups allow, and what is available | `limit.rs` |
//! | the memory that is resident, by kind, and by map | `resident.rs` |
//!
//! Everything is read from `/proc` and `/sys/fs/cgroup` of Linux. On a system without them there is
//! no answer, which is an error or `None`.

mod limit;
mod resident;

pub use limit::{available_memory, memory_limit};
pub use resident::{Mapping, Resident, mappings};
