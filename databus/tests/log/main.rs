//! The log from outside: appended windows are read back, whatever happens to the disk in between.

#![expect(
    clippy::disallowed_macros,
    reason = "tests print their seeds and figures"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod appending;
mod concurrency;
mod crash;
mod damage;
mod faults;
mod files;
mod histories;
mod memory_disk;
mod opening;
mod part_streams;
mod reading;
mod retention;
mod size;
mod windows;
