//! One set of rules for members and positions: the same whichever way they came in, and never applied at replay.

mod earlier_version;
mod odd;
mod same_site;
mod site;
