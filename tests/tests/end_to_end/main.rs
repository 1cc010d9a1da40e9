//! End-to-end tests: they start, kill, stop and query the real binaries over the wire.
//!
//! They are modules of one binary, since each binary links the whole product. Two other test
//! binaries need a process of their own: `mutations` replaces the allocator, and `power_loss` runs
//! servers in its own process.

mod adopt;
mod backup;
mod bootstrap;
mod capture;
mod capture_check;
mod command_line;
mod damage;
mod demo_site;
mod descriptors;
mod disk_full;
mod folders;
mod foreign_clients;
mod graph_memory;
mod kill_and_recover;
mod large_shapes;
mod live_oracle;
mod member_keys;
mod operating;
mod previous_version;
mod process;
mod profiles;
mod real_data;
mod relay;
mod terminal;
