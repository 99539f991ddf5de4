#include "file-sender/circuit_breaker.h"

#include <algorithm>

#include "file-sender/backoff.h"
#include "lib/log/log.h"

namespace hashpost::sender {
namespace {

// Fewer may fail for reasons of their own while others fare well.
constexpr std::size_t kEnough = 4;
// A trial costs a conversion and an upload, so it is rare; but those before it may just be files that are
// never taken, so it is not much rarer than that.
constexpr std::chrono::seconds kLongestPause{5};

}  // namespace

CircuitBreaker::Leave::~Leave() {
  if (is_trial_) breaker_.EndTrial();
}

CircuitBreaker::Leave CircuitBreaker::Ask(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stop, [this] { return !open_ || !trying_; });
  if (!open_ || stop.stop_requested()) return {*this, false, std::nullopt};
  const Clock::time_point now = Clock::now();
  if (now < next_) return {*this, false, std::chrono::ceil<std::chrono::milliseconds>(next_ - now)};
  trying_ = true;
  return {*this, true, std::nullopt};
}

void CircuitBreaker::EndTrial() {
  const std::lock_guard lock(mutex_);
  trying_ = false;
  changed_.notify_all();
}

void CircuitBreaker::Worked() {
  const std::lock_guard lock(mutex_);
  failed_.clear();
  if (!open_) return;
  open_ = false;
  failures_ = 0;
  log::Info("sender", "The receiver takes files again.");
  changed_.notify_all();
}

void CircuitBreaker::Failed(const std::string& name, const std::string& reason,
                            std::chrono::seconds wait_at_least) {
  const std::lock_guard lock(mutex_);
  if (!open_) {
    failed_.insert(name);
    if (failed_.size() < kEnough) return;
    open_ = true;
    log::Warning("sender", "The receiver takes no file: " + reason +
                               " One file at a time is tried until that changes, and the others wait.");
  }
  ++failures_;
  next_ =
      Clock::now() + std::max<std::chrono::milliseconds>(Backoff(failures_, kLongestPause), wait_at_least);
}

unsigned CircuitBreaker::failures() {
  const std::lock_guard lock(mutex_);
  return failures_;
}

}  // namespace hashpost::sender
