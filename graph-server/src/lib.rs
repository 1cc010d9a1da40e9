//! The graph server: configuration, start-up, ingest of the change log, RPCs; and cloudctl.
