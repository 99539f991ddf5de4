// Config: every setting of the sender, read once from environment variables and checked before anything
// starts. Immutable afterwards. Its members are made from service/settings.table, whose lines say what each
// one means.

#pragma once

#include <string>

#include "file-sender/sender_settings.h"
#include "lib/config/settings_reader.h"

namespace hashpost::sender {

// Where sealed files go: what follows from the settings RECEIVER_….
struct Receiver {
  std::string url;  // RECEIVER_SCHEME://RECEIVER_ADDRESS:RECEIVER_PORT RECEIVER_URI, no slash at the end
  bool tls;         // RECEIVER_SCHEME is https
  std::string authority;              // RECEIVER_ADDRESS:RECEIVER_PORT
  std::string ca_file;                // RECEIVER_CA_FILE; "": the system's
  std::string certificate;            // RECEIVER_CERT; "": none
  std::string certificate_key;        // RECEIVER_KEY
  std::string proxy;                  // RECEIVER_PROXY; "": none, whatever the environment says
  std::chrono::seconds connect_time;  // RECEIVER_CONNECT_SECONDS
  std::chrono::seconds silent_time;   // RECEIVER_SILENT_SECONDS
};

struct Config : SenderSettings {
  Receiver receiver{};
};

// Throws ConfigError.
[[nodiscard]] Config ReadConfig(const Environment& environment);

// One line "NAME=value" for each setting in force, and one for the receiver's URL.
[[nodiscard]] std::string Describe(const Config& config);

}  // namespace hashpost::sender
