// CircuitBreaker: a circuit breaker for a receiver that is reachable but takes nothing. When uploads of
// several files have failed and none in between went well, one file at a time is tried, after pauses that
// grow to 5 s; all others are put off, and neither read nor converted meanwhile. Thread-safe.

#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

namespace hashpost::sender {

class CircuitBreaker {
 public:
  using Clock = std::chrono::steady_clock;

  // What a thread may do with its file: try it, or put it off for `delay`. Ends the trial, if it is one.
  class Leave {
   public:
    Leave(CircuitBreaker& breaker, bool is_trial, std::optional<std::chrono::milliseconds> delay)
        : breaker_(breaker), is_trial_(is_trial), delay_(delay) {}
    ~Leave();
    Leave(const Leave&) = delete;
    Leave& operator=(const Leave&) = delete;

    [[nodiscard]] std::optional<std::chrono::milliseconds> delay() const { return delay_; }

   private:
    CircuitBreaker& breaker_;
    const bool is_trial_;
    const std::optional<std::chrono::milliseconds> delay_;
  };

  // Waits while another file is the trial, to see what becomes of it; not longer than to `stop`.
  [[nodiscard]] Leave Ask(const std::stop_token& stop);

  // The receiver took a file, or gave its verdict on one.
  void Worked();

  // An upload of `name` failed because of `reason`, and the receiver asked for that pause. (One file again
  // and again proves nothing.)
  void Failed(const std::string& name, const std::string& reason, std::chrono::seconds wait_at_least);

  // Failures since it is open; 0: it is not.
  [[nodiscard]] unsigned failures();

 private:
  void EndTrial();

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::set<std::string> failed_;  // names, since the receiver took one; not more than it takes to open
  bool open_ = false;             // one at a time
  bool trying_ = false;           // a trial is under way
  unsigned failures_ = 0;         // since it is open
  Clock::time_point next_ = {};   // when the next trial may begin
};

}  // namespace hashpost::sender
