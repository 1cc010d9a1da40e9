//! One set of rules for members and positions: equal for dump and log, and never applied at replay.

mod earlier_version;
mod odd;
mod same_site;
mod site;
