//! Every limit of the server in one place, with its unit in its name.
//!
//! A limit that the wire promises is a constant. A limit that depends on the machine is a key of
//! the configuration. The limits of the transport are in [`cloud_serving::limits`], those of the
//! log and its streams in [`databus::limits`].

use cloud_serving::limits::{FILE_DESCRIPTORS, ServingLimits};
use cloud_terminal::quantity::{bytes, milliseconds};
use databus::{Retention, limits::StreamLimits};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Maximum members in one GetDegrees.
pub const DEGREES_BATCH_MAX: usize = 1_000;
/// Maximum viewers in one GetDegreesForViewers.
pub const DEGREES_VIEWERS_MAX: usize = 16;
/// Maximum members in one GetDegreesForViewers.
pub const DEGREES_FOR_VIEWERS_BATCH_MAX: usize = 250;
/// Maximum members in one GetSubgraph.
pub const SUBGRAPH_MEMBERS_MAX: usize = 500;
/// Maximum size of the answer of a GetSubgraph: the largest message that most gRPC clients accept.
pub const SUBGRAPH_BYTES_MAX: usize = 4 << 20;
/// Maximum members in one BatchGetProfiles.
pub const PROFILES_BATCH_MAX: usize = 1_000;
/// Maximum bytes of an answer with several profiles; it ends with the last profile that fits.
pub const PROFILES_ANSWER_BYTES_MAX: usize = 1 << 20;
/// Maximum members of a BatchGetProfiles that runs on the threads that serve connections.
pub const PROFILES_INLINE_MAX: usize = 32;
/// Maximum bytes of the stored profiles of a BatchGetProfiles that runs on those threads.
pub const PROFILES_INLINE_BYTES_MAX: u64 = 64 << 10;
/// Maximum shared connections that a GetDegrees or SuggestConnections names for each member.
pub const SHARED_SAMPLE_MAX: u32 = 10;
/// Size of a page of a list, if the request states none.
pub const LIST_PAGE_SIZE_DEFAULT: u32 = 50;
/// Maximum size of a page of a list.
pub const LIST_PAGE_SIZE_MAX: u32 = 1_000;
/// Members in a message of a streamed list: 64 KiB for ids of 8 bytes.
pub const STREAMED_MEMBERS: usize = 8_192;
/// Connections in a message of a streamed list: about 64 KiB for ids of 8 bytes.
pub const STREAMED_CONNECTIONS: usize = 2_400;
/// Messages of a streamed list that are made before the caller has read the ones before.
pub const STREAMED_AHEAD: usize = 2;
/// Maximum length of the paths of a ListPaths, if the request states none.
pub const PATHS_DEGREE_DEFAULT: u32 = 3;
/// Maximum length of the paths of a ListPaths: three levels from either end.
pub const PATHS_DEGREE_MAX: u32 = 6;
/// Number of paths that a ListPaths names, if the request states none.
pub const PATHS_NAMED_DEFAULT: u32 = 10;
/// Maximum number of paths that a ListPaths names.
pub const PATHS_NAMED_MAX: u32 = 100;
/// Members in a page of a SuggestConnections, if the request states no number.
pub const SUGGESTIONS_DEFAULT: u32 = 10;
/// Maximum members in a page of a SuggestConnections.
pub const SUGGESTIONS_MAX: u32 = 1_000;
/// Maximum members that a SuggestConnections excludes, and maximum that it includes.
pub const SUGGESTIONS_NAMED_MAX: usize = 1_000;
/// Size of a page of a search, if the request states none.
pub const SEARCH_PAGE_SIZE_DEFAULT: u32 = 10;
/// Maximum size of a page of a search.
pub const SEARCH_PAGE_SIZE_MAX: u32 = 100;
/// Maximum length of a search query.
pub const QUERY_BYTES_MAX: usize = 1_024;
/// Maximum length of a page token: a sort key, a digest and their frame, in hexadecimal digits.
pub const PAGE_TOKEN_BYTES_MAX: usize = 256;

/// Maximum windows in the queue between the ingest of the graph and that of the profiles.
pub const PROFILES_QUEUE_WINDOWS_MAX: usize = 4_096;
/// Maximum profile changes in that queue and before their commit. A window counts as at most half
/// of them, however large it is, so that it has room once a commit is done. (Bench: group
/// `large-transactions`.)
pub const PROFILES_CHANGES_MAX: usize = 2 * PROFILES_COMMIT_CHANGES;
/// Time between two checks whether that queue has room for a window.
pub const PROFILES_ROOM_CHECK_INTERVAL: Duration = Duration::from_millis(1);
/// Time for which the follower waits at that full queue before it checks whether profiles are held
/// up.
pub const HELD_UP_CHECK_INTERVAL: Duration = Duration::from_millis(100);
/// Time before the first retry to reach the relay; it doubles up to [`RELAY_RETRY_MAX`].
pub const RELAY_RETRY_MIN: Duration = Duration::from_millis(100);
/// Maximum time between two attempts to reach the relay.
pub const RELAY_RETRY_MAX: Duration = Duration::from_secs(5);
/// Time within which the relay must answer a call; after that it is unreachable.
pub const RELAY_ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum time without a message of the relay, not even a heartbeat; after that it is unreachable.
pub const RELAY_SILENCE_MAX: Duration = Duration::from_secs(10);
/// Time between two attempts to read an embedded log, while the system has no descriptors left.
pub const LOG_RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two attempts to commit profiles that could not be written.
pub const COMMIT_RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two evictions from the view cache.
pub const VIEW_CACHE_TIDY_INTERVAL: Duration = Duration::from_millis(500);
/// The share of the memory for views that is reserved for sessions, as a divisor.
pub const SESSION_VIEWS_SHARE: u64 = 8;
/// Profile changes after which they are committed at once. While a start catches up, there is no
/// commit before.
pub const PROFILES_COMMIT_CHANGES: usize = 25_000;

/// Time between two checks whether the overlay has grown enough for a compaction.
pub const COMPACTION_TICK: Duration = Duration::from_millis(200);
/// Time between two attempts to fold the overlay into a new base, after a failure.
pub const COMPACTION_RETRY_INTERVAL: Duration = Duration::from_secs(5);
/// Maximum time that a snapshot waits for profiles to reach its graph; then it takes them as they
/// are.
pub const PROFILES_WAIT_MAX: Duration = Duration::from_secs(10);
/// Time between two checks whether readers still use the version from before a compaction.
pub const VERSION_RETIRE_INTERVAL: Duration = Duration::from_millis(20);
/// Maximum time that a shutdown waits for the current step of a compaction; a longer one ends with
/// the process.
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
    /// Maximum open sessions.
    #[arg(long, value_name = "SESSIONS")]
    pub sessions_max: usize,
    /// A session whose viewer makes no request for this long ends.
    #[arg(long, value_name = "TIME", value_parser = milliseconds::parse)]
    #[serde(with = "milliseconds")]
    pub session_idle_ms_max: u64,
    /// Memory for changes since the snapshot; at this limit, ingest waits for a compaction.
    #[arg(long, value_name = "BYTES", value_parser = bytes::parse)]
    #[serde(with = "bytes")]
    pub overlay_bytes_max: u64,
    /// A compaction starts when the overlay takes this percentage of the memory of the graph's
    /// base, and at half of overlay-bytes-max.
    #[arg(long, value_name = "PERCENT")]
    pub compaction_percent: u64,
    /// No compaction starts by itself while the overlay takes less than this, unless this is above
    /// half of overlay-bytes-max.
    #[arg(long, value_name = "BYTES", value_parser = bytes::parse)]
    #[serde(with = "bytes")]
    pub compaction_bytes_min: u64,
    /// A snapshot is taken this often, if anything has changed; 0: only with a compaction, or on
    /// request.
    #[arg(long, value_name = "TIME", value_parser = milliseconds::parse)]
    #[serde(with = "milliseconds")]
    pub snapshot_interval_ms: u64,
    /// Snapshots to keep: the newest, and earlier ones as a fallback if it is damaged.
    #[arg(long, value_name = "SNAPSHOTS")]
    pub snapshots_kept: usize,
    /// Maximum edges that one request may visit.
    #[arg(long, value_name = "EDGES")]
    pub request_edges_max: u64,
    /// Maximum edges that one request may visit on the threads that serve connections; above, it
    /// moves to the heavy threads.
    #[arg(long, value_name = "EDGES")]
    pub inline_edges_max: u64,
    /// Threads for heavy graph requests; they run at a lower priority than those that serve
    /// connections.
    #[arg(long, value_name = "THREADS")]
    pub heavy_threads: usize,
    /// Threads for searches; as many, at a lower priority than those that serve connections, for
    /// large batches of profiles.
    #[arg(long, value_name = "THREADS")]
    pub search_threads: usize,
    /// Maximum requests that run on, or wait for, the heavy threads; as many for the search
    /// threads, and for batches of profiles.
    #[arg(long, value_name = "REQUESTS")]
    pub queued_requests_max: usize,
    /// Maximum requests in progress, not counting streams.
    #[arg(long, value_name = "REQUESTS")]
    pub requests_in_flight_max: usize,
    /// Maximum open streams of one connection.
    #[arg(long, value_name = "STREAMS")]
    pub concurrent_streams_max: u32,
    /// Maximum open connections of one listener; further ones wait to be accepted. Fewer if the
    /// system allows the process fewer open files.
    #[arg(long, value_name = "CONNECTIONS")]
    pub connections_max: usize,
    /// Maximum open subscriptions.
    #[arg(long, value_name = "SUBSCRIPTIONS")]
    pub subscriptions_max: usize,
    /// Maximum open streams of lists, such as StreamNetwork.
    #[arg(long, value_name = "STREAMS")]
    pub list_streams_max: usize,
    /// Memory for the views and lists that open streams hold, of all together; a larger list is
    /// streamed when no other is held.
    #[arg(long, value_name = "BYTES", value_parser = bytes::parse)]
    #[serde(with = "bytes")]
    pub list_streams_bytes_max: u64,
    /// Maximum open Publish calls.
    #[arg(long, value_name = "CALLS")]
    pub publishers_max: usize,
    /// Memory for published windows that wait for the log's sync or for their last part, of all
    /// calls together; a larger window waits until it is alone.
    #[arg(long, value_name = "BYTES", value_parser = bytes::parse)]
    #[serde(with = "bytes")]
    pub publish_bytes_max: u64,
    /// A segment of an embedded log that reaches this size is followed by a new one.
    #[arg(long, value_name = "BYTES", value_parser = bytes::parse)]
    #[serde(with = "bytes")]
    pub log_segment_bytes: u64,
    /// An embedded log's oldest segments are removed while the log is larger than this, except
    /// those a kept snapshot needs; 0 removes none.
    #[arg(long, value_name = "BYTES", value_parser = bytes::parse)]
    #[serde(with = "bytes")]
    pub log_bytes_max: u64,
    /// Segments of an embedded log are removed once their last window is older than this, except
    /// those a kept snapshot needs; 0 removes none.
    #[arg(long, value_name = "TIME", value_parser = milliseconds::parse)]
    #[serde(with = "milliseconds")]
    pub log_age_ms_max: u64,
    /// A caller of a stream that reads nothing for this long is disconnected.
    #[arg(long, value_name = "TIME", value_parser = milliseconds::parse)]
    #[serde(with = "milliseconds")]
    pub stall_ms_max: u64,
    /// A Publish call without a window, and a health or reflection call on which nothing was sent,
    /// ends after this.
    #[arg(long, value_name = "TIME", value_parser = milliseconds::parse)]
    #[serde(with = "milliseconds")]
    pub idle_ms_max: u64,
    /// Maximum time that a read waits for its at_least.
    #[arg(long, value_name = "TIME", value_parser = milliseconds::parse)]
    #[serde(with = "milliseconds")]
    pub wait_ms_max: u64,
    /// Maximum reads that wait for their at_least.
    #[arg(long, value_name = "REQUESTS")]
    pub waiters_max: usize,
    /// Deadline of a request that states none.
    #[arg(long, value_name = "TIME", value_parser = milliseconds::parse)]
    #[serde(with = "milliseconds")]
    pub deadline_ms_default: u64,
    /// Maximum deadline of a request.
    #[arg(long, value_name = "TIME", value_parser = milliseconds::parse)]
    #[serde(with = "milliseconds")]
    pub deadline_ms_max: u64,
    /// Minimum time between two commits of profiles and search.
    #[arg(long, value_name = "TIME", value_parser = milliseconds::parse)]
    #[serde(with = "milliseconds")]
    pub profiles_commit_interval_ms: u64,
    /// At shutdown, requests still in progress after this are cut off.
    #[arg(long, value_name = "TIME", value_parser = milliseconds::parse)]
    #[serde(with = "milliseconds")]
    pub drain_timeout_ms: u64,
}

impl Limits {
    /// The values that `serve` uses unless a flag or the file sets others.
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
        list_streams_max: 256,
        list_streams_bytes_max: 64 << 20,
        publishers_max: 256,
        publish_bytes_max: 256 << 20,
        log_segment_bytes: 128 << 20,
        log_bytes_max: 0,
        log_age_ms_max: 0,
        stall_ms_max: 5_000,
        idle_ms_max: 600_000,
        wait_ms_max: 2_000,
        waiters_max: 1_024,
        deadline_ms_default: 10_000,
        deadline_ms_max: 60_000,
        profiles_commit_interval_ms: 100,
        drain_timeout_ms: 3_000,
    };
}

impl Limits {
    /// Returns the limits that every server has.
    pub(crate) fn serving(&self) -> ServingLimits {
        ServingLimits {
            connections_max: self.connections_max,
            // A subscription reads the log through a descriptor of its own.
            file_descriptors: FILE_DESCRIPTORS + self.subscriptions_max,
            concurrent_streams_max: self.concurrent_streams_max,
            requests_in_flight_max: self.requests_in_flight_max,
            deadline_default: Duration::from_millis(self.deadline_ms_default),
            deadline_max: Duration::from_millis(self.deadline_ms_max),
            idle_max: Duration::from_millis(self.idle_ms_max),
            drain_timeout: Duration::from_millis(self.drain_timeout_ms),
        }
    }

    /// Returns the limits of the streams of a log.
    pub(crate) fn streams(&self) -> StreamLimits {
        StreamLimits {
            subscriptions_max: self.subscriptions_max,
            publishers_max: self.publishers_max,
            publish_bytes_max: self.publish_bytes_max,
            idle_max: Duration::from_millis(self.idle_ms_max),
            stall_max: Duration::from_millis(self.stall_ms_max),
        }
    }

    /// Returns what the log keeps beyond the needs of a snapshot.
    pub(crate) fn retention(&self) -> Retention {
        Retention::of(self.log_age_ms_max, self.log_bytes_max)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
