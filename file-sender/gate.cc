#include "file-sender/gate.h"

#include <chrono>

#include "file-sender/backoff.h"
#include "lib/log/log.h"

namespace hashpost::sender {
namespace {

// Connecting costs little; what counts is that files go out soon after the receiver is back.
constexpr std::chrono::seconds kLongestPause{30};

}  // namespace

void Gate::Shut(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (shut_) return;
  shut_ = true;
  failures_ = 1;
  log::Warning("sender", "Unable to upload file. msg: " + reason + " It is tried until it works.");
}

bool Gate::Pass(const std::stop_token& stop, const Probe& probe) {
  std::unique_lock lock(mutex_);
  while (shut_) {
    if (!patient_ || stop.stop_requested()) return false;
    if (probing_) {
      changed_.wait(lock, stop, [this] { return !probing_; });
    } else {
      Try(lock, stop, probe);
    }
  }
  return !stop.stop_requested();
}

void Gate::Try(std::unique_lock<std::mutex>& lock, const std::stop_token& stop, const Probe& probe) {
  probing_ = true;
  changed_.wait_for(lock, stop, Backoff(failures_, kLongestPause), [] { return false; });
  if (!stop.stop_requested()) {
    lock.unlock();
    const std::optional<std::string> reason = probe();
    lock.lock();
    if (reason) {
      ++failures_;
      log::Debug("sender", "The receiver is still out of reach: " + *reason);
    } else {
      shut_ = false;
      log::Info("sender", "The receiver can be reached again.");
    }
  }
  probing_ = false;
  changed_.notify_all();
}

}  // namespace hashpost::sender
