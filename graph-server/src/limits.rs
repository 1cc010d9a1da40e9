//! Every limit of the server in one place, with its unit in its name.
//!
//! What the wire promises is a constant; what depends on the machine is a key of the configuration. Those of the
//! transport and of the log's streams stand in [`databus::limits`].

use cloud_serving::{
    limits::ServingLimits,
    quantity::{bytes, milliseconds},
};
use databus::Retention;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Members of one GetDegrees.
pub const DEGREES_BATCH_MAX: usize = 1_000;
/// Members of one GetProfiles.
pub const PROFILES_BATCH_MAX: usize = 1_000;
/// Of those, as many as are read on the threads that serve connections.
pub const PROFILES_INLINE_MAX: usize = 32;
/// Shared connections named for each member of a GetDegrees.
pub const SHARED_SAMPLE_MAX: u32 = 10;
/// A page of a list, when the request does not say.
pub const LIST_PAGE_SIZE_DEFAULT: u32 = 50;
/// A page of a list.
pub const LIST_PAGE_SIZE_MAX: u32 = 1_000;
/// Longest paths of a ListPaths, when the request does not say.
pub const PATHS_DEGREE_DEFAULT: u32 = 3;
/// Longest paths of a ListPaths: three levels from either end.
pub const PATHS_DEGREE_MAX: u32 = 6;
/// Paths named by a ListPaths, when the request does not say.
pub const PATHS_NAMED_DEFAULT: u32 = 10;
/// Paths named by a ListPaths.
pub const PATHS_NAMED_MAX: u32 = 100;
/// Members of a SuggestConnections, when the request does not say.
pub const SUGGESTIONS_DEFAULT: u32 = 10;
/// Members of a SuggestConnections.
pub const SUGGESTIONS_MAX: u32 = 1_000;
/// A page of a search, when the request does not say.
pub const SEARCH_PAGE_SIZE_DEFAULT: u32 = 10;
/// A page of a search.
pub const SEARCH_PAGE_SIZE_MAX: u32 = 100;
/// Longest query of a search.
pub const QUERY_BYTES_MAX: usize = 1_024;
/// Longest page token: a sort key, a digest and their frame, in hexadecimal digits.
pub const PAGE_TOKEN_BYTES_MAX: usize = 256;

/// Pages of metrics being made at a time.
pub const SCRAPES_IN_FLIGHT_MAX: usize = 2;

/// Windows between the graph's ingest and the profiles'.
pub const PEOPLE_QUEUE_WINDOWS_MAX: usize = 4_096;
/// Between two attempts to reach the relay, at first; then twice as long each time, up to the next.
pub const RELAY_RETRY_MIN: Duration = Duration::from_millis(100);
/// Between two attempts to reach the relay.
pub const RELAY_RETRY_MAX: Duration = Duration::from_secs(5);
/// A relay that has not answered a call by then is not reached.
pub const RELAY_ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// A relay that says nothing for so long, not even a heartbeat, is not reached.
pub const RELAY_SILENCE_MAX: Duration = Duration::from_secs(10);
/// Between two attempts to commit profiles that could not be written.
pub const COMMIT_RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Between two looks at what the view cache has to evict.
pub const VIEW_CACHE_TIDY_INTERVAL: Duration = Duration::from_millis(500);
/// Of the memory for views, one part in so many is set apart for those that sessions keep.
pub const SESSION_VIEWS_SHARE: u64 = 8;
/// Changes of profiles between two commits while a start catches up with the log.
pub const REPLAY_COMMIT_CHANGES: usize = 200_000;

/// Between two looks whether the overlay has grown enough for a compaction.
pub const COMPACTION_TICK: Duration = Duration::from_millis(200);
/// Between two attempts to fold the overlay into a new base, when one failed.
pub const COMPACTION_RETRY_INTERVAL: Duration = Duration::from_secs(5);
/// Between two looks whether readers are still at the version of before a compaction.
pub const VERSION_RETIRE_INTERVAL: Duration = Duration::from_millis(20);
/// What shutting down waits for a compaction's last piece; one that takes longer ends with the process.
pub const COMPACTION_END_TIMEOUT: Duration = Duration::from_secs(1);

/// Limits that depend on the machine: the section `[limits]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args, Serialize, Deserialize)]
#[command(next_help_heading = "Limits")]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Memory for cached views.
    #[arg(long, value_name = "BYTES", value_parser = bytes::parse)]
    #[serde(with = "bytes")]
    pub view_cache_bytes_max: u64,
    /// Open sessions.
    #[arg(long, value_name = "SESSIONS")]
    pub sessions_max: usize,
    /// A session whose viewer asks nothing for this long ends.
    #[arg(long, value_name = "TIME", value_parser = milliseconds::parse)]
    #[serde(with = "milliseconds")]
    pub session_idle_ms_max: u64,
    /// Memory for what changed since the snapshot; at this, changes wait for a compaction.
    #[arg(long, value_name = "BYTES", value_parser = bytes::parse)]
    #[serde(with = "bytes")]
    pub overlay_bytes_max: u64,
    /// A compaction begins when the overlay takes this many hundredths of what the graph's base takes, and at half of overlay-bytes-max.
    #[arg(long, value_name = "PERCENT")]
    pub compaction_percent: u64,
    /// None begins by itself while the overlay takes less than this, unless that is above half of overlay-bytes-max.
    #[arg(long, value_name = "BYTES", value_parser = bytes::parse)]
    #[serde(with = "bytes")]
    pub compaction_bytes_min: u64,
    /// A snapshot is taken this often, if anything has changed; 0: only with a compaction, or when it is asked for.
    #[arg(long, value_name = "TIME", value_parser = milliseconds::parse)]
    #[serde(with = "milliseconds")]
    pub snapshot_interval_ms: u64,
    /// Snapshots that stay: the newest, and those before it for the case that it rots.
    #[arg(long, value_name = "SNAPSHOTS")]
    pub snapshots_kept: usize,
    /// Edges that one request may visit.
    #[arg(long, value_name = "EDGES")]
    pub request_edges_max: u64,
    /// Edges that one request may visit on the threads that serve connections; above, it goes to the heavy ones.
    #[arg(long, value_name = "EDGES")]
    pub inline_edges_max: u64,
    /// Threads for heavy questions about the graph; they are ranked behind those that serve connections.
    #[arg(long, value_name = "THREADS")]
    pub heavy_threads: usize,
    /// Threads for searches and large pages of profiles.
    #[arg(long, value_name = "THREADS")]
    pub search_threads: usize,
    /// Requests that run on, or wait for, the heavy threads; as many for the search threads.
    #[arg(long, value_name = "REQUESTS")]
    pub queued_requests_max: usize,
    /// Requests being answered, streams apart.
    #[arg(long, value_name = "REQUESTS")]
    pub requests_in_flight_max: usize,
    /// Open streams of one connection.
    #[arg(long, value_name = "STREAMS")]
    pub concurrent_streams_max: u32,
    /// Open connections of one listener; further ones wait to be accepted.
    #[arg(long, value_name = "CONNECTIONS")]
    pub connections_max: usize,
    /// Open subscriptions.
    #[arg(long, value_name = "SUBSCRIPTIONS")]
    pub subscriptions_max: usize,
    /// Open Publish calls.
    #[arg(long, value_name = "CALLS")]
    pub publishers_max: usize,
    /// Published windows that wait for the log's sync, all calls together; a larger one waits until it is alone.
    #[arg(long, value_name = "BYTES", value_parser = bytes::parse)]
    #[serde(with = "bytes")]
    pub publish_bytes_max: u64,
    /// A segment of an embedded log that has grown to this gets a successor.
    #[arg(long, value_name = "BYTES", value_parser = bytes::parse)]
    #[serde(with = "bytes")]
    pub log_segment_bytes: u64,
    /// An embedded log's oldest segments are removed while it is larger than this, except what a kept snapshot needs; 0: none are.
    #[arg(long, value_name = "BYTES", value_parser = bytes::parse)]
    #[serde(with = "bytes")]
    pub log_bytes_max: u64,
    /// Segments of an embedded log are removed when their last window is older than this, except what a kept snapshot needs; 0: none are.
    #[arg(long, value_name = "TIME", value_parser = milliseconds::parse)]
    #[serde(with = "milliseconds")]
    pub log_age_ms_max: u64,
    /// A subscriber or publisher that takes nothing of what it is sent for this long is cut off.
    #[arg(long, value_name = "TIME", value_parser = milliseconds::parse)]
    #[serde(with = "milliseconds")]
    pub stall_ms_max: u64,
    /// How long a read waits for its at_least.
    #[arg(long, value_name = "TIME", value_parser = milliseconds::parse)]
    #[serde(with = "milliseconds")]
    pub wait_ms_max: u64,
    /// Reads that wait for their at_least.
    #[arg(long, value_name = "REQUESTS")]
    pub waiters_max: usize,
    /// Deadline of a request that states none.
    #[arg(long, value_name = "TIME", value_parser = milliseconds::parse)]
    #[serde(with = "milliseconds")]
    pub deadline_ms_default: u64,
    /// Latest deadline of a request.
    #[arg(long, value_name = "TIME", value_parser = milliseconds::parse)]
    #[serde(with = "milliseconds")]
    pub deadline_ms_max: u64,
    /// Least time between two commits of profiles and search.
    #[arg(long, value_name = "TIME", value_parser = milliseconds::parse)]
    #[serde(with = "milliseconds")]
    pub people_commit_interval_ms: u64,
    /// At shutdown, what is still being answered after this is cut off.
    #[arg(long, value_name = "TIME", value_parser = milliseconds::parse)]
    #[serde(with = "milliseconds")]
    pub drain_timeout_ms: u64,
}

impl Limits {
    /// What `serve` takes when neither flags nor a file say otherwise.
    pub const DEFAULT: Self = Self {
        view_cache_bytes_max: 256 << 20,
        sessions_max: 16_384,
        session_idle_ms_max: 1_800_000,
        overlay_bytes_max: 2 << 30,
        compaction_percent: 50,
        compaction_bytes_min: 64 << 20,
        snapshot_interval_ms: 86_400_000,
        snapshots_kept: 2,
        request_edges_max: 1_000_000_000,
        inline_edges_max: 100_000,
        heavy_threads: 1,
        search_threads: 2,
        queued_requests_max: 256,
        requests_in_flight_max: 4_096,
        concurrent_streams_max: 256,
        connections_max: 4_096,
        subscriptions_max: 256,
        publishers_max: 256,
        publish_bytes_max: 256 << 20,
        log_segment_bytes: 128 << 20,
        log_bytes_max: 0,
        log_age_ms_max: 0,
        stall_ms_max: 5_000,
        wait_ms_max: 2_000,
        waiters_max: 1_024,
        deadline_ms_default: 10_000,
        deadline_ms_max: 60_000,
        people_commit_interval_ms: 100,
        drain_timeout_ms: 3_000,
    };
}

impl Limits {
    /// Those that any server of a log has.
    pub(crate) fn serving(&self) -> ServingLimits {
        ServingLimits {
            connections_max: self.connections_max,
            concurrent_streams_max: self.concurrent_streams_max,
            requests_in_flight_max: self.requests_in_flight_max,
            deadline_default: Duration::from_millis(self.deadline_ms_default),
            deadline_max: Duration::from_millis(self.deadline_ms_max),
            drain_timeout: Duration::from_millis(self.drain_timeout_ms),
            subscriptions_max: self.subscriptions_max,
            publishers_max: self.publishers_max,
            publish_bytes_max: self.publish_bytes_max,
            stall_max: Duration::from_millis(self.stall_ms_max),
        }
    }

    /// What the log keeps beyond what a snapshot needs.
    pub(crate) fn retention(&self) -> Retention {
        Retention::of(self.log_age_ms_max, self.log_bytes_max)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
