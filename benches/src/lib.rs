//! Benches, and the harness that measures at full scale and over gRPC.
