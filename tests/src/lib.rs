//! End-to-end tests: the real binaries, asked over gRPC, against a model that is too simple to be wrong.
//!
//! - [`binaries`] finds what cargo built;
//! - [`cloudctl`] runs the command-line client against a server under test;
//! - [`server`] starts, kills and stops a graph server or a relay;
//! - [`site`] builds a snapshot directory with the loader from rows given here;
//! - [`model`] is the oracle: the members and connections of one moment, and questions answered by plain search;
//! - [`history`] makes random changes, [`questions`] asks at random, and [`record`] checks the answers at the SCNs that they state;
//! - [`readers`] lists what reads bytes from outside, for property tests and fuzzing;
//! - [`shared_data`] finds the public data set that some tests read.

pub mod binaries;
pub mod cloudctl;
pub mod history;
pub mod model;
pub mod questions;
pub mod readers;
pub mod record;
pub mod server;
pub mod shared_data;
pub mod site;
