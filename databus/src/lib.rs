//! The databus: change events and the ordered, durable log that carries them.
