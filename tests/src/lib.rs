//! End-to-end tests of the real binaries over gRPC, against a model that is simple enough to trust.
//!
//! - [`authority`] issues certificates;
//! - [`binaries`] finds the binaries that cargo built;
//! - [`cloudctl`] runs the command-line client against a server under test;
//! - [`content`] reads all rows of a site, to be compared with what it should have;
//! - [`server`] starts, kills and stops a graph server or a relay;
//! - [`postgres`] starts, kills and stops a PostgreSQL server with a cluster of its own;
//! - [`site`] builds a snapshot directory with the loader from given rows;
//! - [`model`] is the oracle: the members and connections of one moment, with answers by plain
//!   search;
//! - [`history`] generates random changes, [`questions`] sends random requests, and [`record`]
//!   checks the answers at the SCNs that they state;
//! - [`readers`] lists the code that reads bytes from outside, for property tests and fuzzing;
//! - [`postgres`] starts a PostgreSQL server whose changes are captured;
//! - [`rounds`] says how often a test repeats itself;
//! - [`small_disk`] is a disk that a test can fill;
//! - [`until`] waits for a change in another process;
//! - [`proxy`] is a network between two processes that can be cut;
//! - [`process`] runs a binary with broken streams, and [`http`] requests a page of a server;
//! - [`shared_data`] finds the public data set that some tests read.
//!
//! # The tests of each promise
//!
//! Each row names a promise, the tests that fail if it is broken, and their oracle. The last two
//! columns say how much the tests do in `make test` and in `make test-long`. A test of
//! `tests/source` checks that the tests exist.
//!
//! | promise | tests | oracle | `make test` | `make test-long` |
//! |---|---|---|---|---|
//! | 1. An acknowledged change survives kill -9, power loss and restart. | `tests/tests/end_to_end/kill_and_recover.rs`: `nothing_acknowledged_is_lost_and_nothing_is_invented`; `tests/tests/power_loss/main.rs`: `every_moment_of_a_servers_life_can_be_its_last`, `no_kind_of_sync_can_be_left_out`; `tests/tests/end_to_end/folders.rs`: `a_deleted_lock_file_admits_no_second_owner`, `a_folder_that_is_replaced_is_another_log`, `a_folder_that_is_back_takes_windows_again`, `a_deleted_folder_or_segment_takes_no_windows`; `tests/tests/end_to_end/descriptors.rs`: `a_server_without_descriptors_loses_nothing_and_serves_on`; `databus/tests/log/crash.rs`: `a_crash_at_any_operation_keeps_what_was_acknowledged` | the record of what was sent and acknowledged | 30 kills; 2 disks by chance at each moment of the traced lives; each case of a folder once; 4 s without descriptors | 1,000 kills; 20 disks; 20 times each; a minute |
//! | 2. After recovery the state equals the log's prefix at one SCN. | `tests/tests/power_loss/main.rs`: `every_moment_of_a_servers_life_can_be_its_last`, `a_recovery_may_be_cut_off_too`; `databus/tests/log/damage.rs`: `a_log_cut_at_any_byte_of_its_last_frames_keeps_what_stands_before`, `a_window_that_lacks_parts_is_cut_as_a_whole` | the model at each SCN | 2 disks at each moment, 15 recoveries cut off | 10 disks, 100 recoveries |
//! | 3. State is a function of snapshot and log prefix. | `tests/tests/end_to_end/kill_and_recover.rs`: `nothing_acknowledged_is_lost_and_nothing_is_invented`; `tests/tests/end_to_end/relay.rs`: `followers_of_a_relay_answer_alike_whoever_is_killed`; `tests/tests/end_to_end/backup.rs`: `backups_under_load_hold_a_prefix_of_the_log`, `lost_disks_are_followed_by_the_commands_of_the_page`; `tests/tests/end_to_end/previous_version.rs`: `an_earlier_log_replayed_on_the_loader_s_snapshot_answers_the_same`; `graph-server/engine/tests/engine/folding.rs`: `every_version_equals_the_model_at_every_scn` | the model; a server that replays the whole log; the answers of an earlier version | 4 rounds of kills, 500 questions a server; 3 backups | 50 rounds; 20 backups |
//! | 4. Corruption is detected before it is served, and the error names file and offset. | `tests/tests/power_loss/main.rs`: `rot_in_any_file_of_a_site_is_never_served`; `tests/tests/end_to_end/damage/mod.rs`: `a_start_serves_falls_back_rebuilds_or_refuses_by_name`, `live_stores_are_made_again_while_the_server_runs`; `tests/tests/mutations/main.rs`: `graph_files`, `overlays`, `profile_files`, `search_indexes`, `live_profile_stores`, `log_segments`, `log_files`; `databus/tests/log/damage.rs`: `every_flipped_bit_is_refused_by_name_or_harmless`, `rot_below_a_mark_names_the_file_and_the_byte` | the content before the mutation | 40 to 2,000 mutations a reader; 80 flipped bits; 8 kinds of damage to 7 groups of files | 20 times as many, 10,000 bits, then libFuzzer; each kind to each file |
//! | 5. Every answer is exact as of its SCN, and SCNs never go backwards. | `tests/tests/end_to_end/live_oracle.rs`: `answers_equal_the_model_on_a_uniform_graph`, `answers_equal_the_model_through_compactions_of_a_star`, `answers_of_a_server_that_follows_a_relay_equal_the_model`; `graph-server/engine/tests/engine/readers.rs`: `answers_are_exact_at_the_scn_they_state` | the model at the SCN of each answer | 11 sites, 150 windows each, 3 readers | 5,000 windows each |
//! | 6. No input panics the server or makes other callers wait beyond their deadlines. | `tests/tests/mutations/main.rs`: `published_windows`, `queries`, `page_tokens`, `dump_rows`, `no_reader_is_forgotten`; `tests/tests/end_to_end/large_shapes/mod.rs`: `a_page_of_third_degree_sizes_does_not_delay_others`, `a_low_budget_refuses_with_the_limit_and_nothing_else`, `what_the_queue_has_no_place_for_is_refused_at_once`; `graph-server/tests/in_process/transport.rs`: `errors_of_the_transport_have_codes_and_details`; `tests/tests/end_to_end/process/probes.rs`: `a_full_public_listener_leaves_the_admin_listener_the_log_and_the_files_alone`; `tests/tests/end_to_end/process/log_lines.rs`: `a_flood_of_resets_writes_some_lines_and_their_count` | closed forms of a star, a clique and a path of 1,000,000; typed refusals | 2,000 light calls beside 200 heavy ones at a time | the same, and libFuzzer on each reader |
//! | 7. Memory stays within the configured budget. | `tests/tests/end_to_end/large_shapes/mod.rs`: `every_question_about_a_huge_shape_is_answered_right`; `tests/tests/mutations/main.rs`: `no_reader_is_forgotten`; `graph-server/src/views/view_cache.rs`: `the_budget_is_kept` | the server's peak resident memory; the largest allocation of each reader | 10 viewers, every call | the same |
//! | 8. A full disk or a failed sync stops writes, not reads, and needs no repair by hand. | `tests/tests/end_to_end/disk_full.rs`: `appends_are_refused_until_there_is_room`, `a_snapshot_that_finds_no_room_leaves_the_one_before`, `an_end_that_finds_no_room_costs_time_only`, `an_end_does_not_wait_for_profiles_that_cannot_be_written`, `the_graph_goes_on_while_profiles_cannot_be_written`; `graph-server/search/tests/people/recovery.rs`: `a_commit_that_failed_several_times_succeeds_once_the_index_can_be_written`; `databus/tests/log/faults.rs`: `after_a_failed_sync_appends_go_on_in_a_new_segment`, `what_failed_to_be_synced_is_not_believed_even_if_it_reads_back` | the model, on a tmpfs of 24 MiB; a disk in memory that fails | 3 rounds | the same |

pub mod authority;
pub mod binaries;
pub mod cloudctl;
pub mod content;
pub mod history;
pub mod http;
pub mod installed;
pub mod model;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod questions;
pub mod readers;
pub mod record;
pub mod rounds;
pub mod server;
pub mod shared_data;
pub mod site;
pub mod small_disk;
pub mod until;
