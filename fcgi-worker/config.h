// Config: every setting of a worker, read once from environment variables and checked before anything starts.
// Immutable afterwards. The table that users read is in README.md.

#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "lib/config/settings_reader.h"
#include "lib/log/log.h"

namespace hashpost {

struct Config {
  std::string home;                // HASHPOST_HOME: runtime folder, where pool.json is
  std::string data;                // HASHPOST_DATA: folder of the store
  std::size_t threads;             // HASHPOST_THREADS: I/O threads
  std::size_t blocking_threads;    // HASHPOST_BLOCKING_THREADS: for big bodies and answers
  std::size_t bulk_uploads;        // HASHPOST_BULK_UPLOADS: bulk uploads at once
  std::size_t bulk_batch_lines;    // HASHPOST_BULK_BATCH_LINES: lines in one commit
  std::uint64_t max_bulk_bytes;    // HASHPOST_MAX_BULK_BYTES: of one bulk upload; 0: any number
  std::size_t max_message_bytes;   // HASHPOST_MAX_MESSAGE_BYTES: of one message, decoded
  std::uint64_t max_store_bytes;   // HASHPOST_MAX_STORE_BYTES: of the store's file
  std::size_t max_inflight_bytes;  // HASHPOST_MAX_INFLIGHT_BYTES: memory for messages being handled
  bool gzip;                       // HASHPOST_GZIP: the web server may code responses
  std::string output_dir;          // OUTPUT_DIR: where the file drop puts files; empty: there is no drop
  std::string decryption_key;      // DECRYPTION_KEY: path of the drop's key file
  std::size_t file_uploads;        // HASHPOST_FILE_UPLOADS: of the drop, at once
  std::uint64_t max_file_bytes;    // HASHPOST_MAX_FILE_BYTES: of one file of the drop; 0: any number
  mode_t file_mode;                // HASHPOST_FILE_MODE: of the files of the drop
  std::string file_group;  // HASHPOST_FILE_GROUP: theirs, by name or number; empty: as folders have it
  std::chrono::seconds token_max_age;  // HASHPOST_TOKEN_MAX_AGE: of what is uploaded to the drop; 0: any
  std::chrono::seconds hang_limit;     // HASHPOST_HANG_SECONDS: without progress, then the worker is replaced
  std::chrono::seconds drain_limit;    // HASHPOST_DRAIN_SECONDS: to finish what is at hand on SIGTERM
  log::Level log_level;                // LOG_LEVEL
};

// Throws ConfigError.
[[nodiscard]] Config ReadConfig(const Environment& environment);

// One line "NAME=value" for each setting in force.
[[nodiscard]] std::string Describe(const Config& config);

}  // namespace hashpost
