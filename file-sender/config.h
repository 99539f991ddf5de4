// Config: every setting of the sender, read once from environment variables and checked before anything
// starts. Immutable afterwards. The table that users read is in docs/file-drop.md.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "lib/config/settings_reader.h"
#include "lib/log/log.h"

namespace hashpost::sender {

// Where sealed files go.
struct Receiver {
  std::string url;  // RECEIVER_SCHEME://RECEIVER_ADDRESS:RECEIVER_PORT RECEIVER_URI, no slash at the end
  bool tls;         // RECEIVER_SCHEME is https
  std::string authority;    // RECEIVER_ADDRESS:RECEIVER_PORT
  std::string ca_file;      // RECEIVER_CA_FILE: PEM of those who may sign its certificate; "": the system's
  std::string certificate;  // RECEIVER_CERT: the sender's own, PEM; "": none
  std::string certificate_key;  // RECEIVER_KEY
  std::string proxy;            // RECEIVER_PROXY: http://host:port; "": none, whatever the environment says
  std::chrono::seconds connect_time;  // RECEIVER_CONNECT_SECONDS: to connect, TLS included
  std::chrono::seconds silent_time;   // RECEIVER_SILENT_SECONDS: without a byte, and to a response's end
};

struct Config {
  std::string input_folder;            // INPUT_DIR
  std::string state_folder;            // STATUS_DB_PATH
  std::string key_file;                // ENCRYPTION_KEY
  std::chrono::seconds scan_interval;  // SCAN_INTERVAL
  std::size_t parallel;                // SENDER_PARALLEL: files in flight
  std::uint64_t max_growth;            // SENDER_MAX_GROWTH: XML bytes for each of JSON; 0: any number
  Receiver receiver;
  log::Level log_level;  // LOG_LEVEL
};

// Throws ConfigError.
[[nodiscard]] Config ReadConfig(const Environment& environment);

// One line "NAME=value" for each setting in force.
[[nodiscard]] std::string Describe(const Config& config);

}  // namespace hashpost::sender
