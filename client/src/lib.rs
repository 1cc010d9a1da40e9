//! What a Rust caller of The Cloud uses: typed calls, deadlines, errors.
