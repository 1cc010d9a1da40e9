//! How often a test repeats itself: in `make test-long` more often than in `make test`.

/// Returns `short`, or `long` if `CLOUD_TEST_LONG` is set.
pub fn rounds(short: usize, long: usize) -> usize {
    if std::env::var_os("CLOUD_TEST_LONG").is_some() {
        long
    } else {
        short
    }
}
