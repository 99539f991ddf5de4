// The sender's two ways to run: for ever, and once (for cron). The calling thread watches the folder; Workers
// deliver.

#pragma once

#include "file-sender/config.h"
#include "file-sender/state.h"
#include "lib/fernet/key.h"

namespace hashpost::sender {

// Blocks SIGTERM, SIGINT and SIGHUP for this thread and those that it starts, and returns a descriptor that
// is readable when one has come. Throws std::system_error.
[[nodiscard]] io::UniqueFd TakeSignals();

// The signal that has come; 0 if there is none.
[[nodiscard]] int NextSignal(int signals);

enum class RunEnd {
  kStopped,  // by SIGTERM or SIGINT
  kHangUp,   // by SIGHUP
  kFailed,   // the state cannot be read or written (logged)
};

// Delivers until a signal comes, then ends within some 3 s: uploads under way may take 2 s to their end.
// Throws std::system_error.
[[nodiscard]] RunEnd RunForEver(const Config& config, const fernet::Key& key, State& state, int signals);

struct OnceResult {
  std::size_t delivered;    // now
  std::size_t known;        // had been delivered with the same content, or went away
  std::size_t quarantined;  // now or before, and not changed since
  std::size_t pending;      // one try did not do
  bool failed;              // folder or state could not be read or written (logged)
};

// Tries every file once. At a terminal it draws a progress bar on standard error. Ends at once at SIGTERM or
// SIGINT, as these do by default.
[[nodiscard]] OnceResult RunOnce(const Config& config, const fernet::Key& key, State& state);

}  // namespace hashpost::sender
