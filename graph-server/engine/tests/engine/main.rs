//! The engine against slow and obvious models of itself. One binary, so that it is linked once.

mod files;
mod histories;
mod interop;
mod model;
mod overlays;
mod questions;
mod readers;
mod scenarios;
mod shapes;
