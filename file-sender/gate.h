// Gate: in front of a receiver that cannot be reached. While it is shut nothing is converted and sealed in
// vain: one thread tries to connect, after pauses that grow to half a minute, and the others wait.
// Thread-safe.

#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace hashpost::sender {

class Gate {
 public:
  // Tries to connect; what is wrong, or nullopt if it works.
  using Probe = std::function<std::optional<std::string>()>;

  // `patient`: Pass waits for the receiver; else it gives up at once.
  explicit Gate(bool patient) : patient_(patient) {}

  // Returns true when the receiver is reachable as far as is known; false at `stop`, or if it is not and this
  // is not patient. Whoever waits may be the one who calls `probe`.
  [[nodiscard]] bool Pass(const std::stop_token& stop, const Probe& probe);

  // It could not be reached because of `reason` (a sentence); logged if that is new.
  void Shut(const std::string& reason);

 private:
  void Try(std::unique_lock<std::mutex>& lock, const std::stop_token& stop, const Probe& probe);

  const bool patient_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool shut_ = false;
  bool probing_ = false;
  unsigned failures_ = 0;
};

}  // namespace hashpost::sender
