// Turn: what one thread may hold at a time; the others wait, but not for ever. (std::timed_mutex would do,
// were it known to the thread sanitizer of g++ 12.) Thread-safe.

#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace hashpost::sender {

class Turn {
  using Clock = std::chrono::steady_clock;

 public:
  // A thread's own try; gives the turn back at its end. `turn` lives longer.
  class Hold {
   public:
    explicit Hold(Turn& turn) : turn_(turn) {}
    ~Hold() {
      if (holds_) turn_.GiveBack();
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

    // Waits for the turn, unless it is held here already; goes on without it when another thread has held it
    // for `longest`: whoever takes long holds each of the others up for a part of that, and once only.
    void Await(std::chrono::milliseconds longest) { holds_ = holds_ || turn_.Take(longest); }

   private:
    Turn& turn_;
    bool holds_ = false;
  };

  [[nodiscard]] bool IsTaken() const {
    const std::scoped_lock lock(mutex_);
    return taken_;
  }

 private:
  [[nodiscard]] bool Take(std::chrono::milliseconds longest) {
    std::unique_lock lock(mutex_);
    while (taken_) {
      const Clock::time_point enough = taken_at_ + longest;
      if (Clock::now() >= enough) return false;
      free_.wait_until(lock, enough);
    }
    taken_ = true;
    taken_at_ = Clock::now();
    return true;
  }
  void GiveBack() {
    {
      const std::scoped_lock lock(mutex_);
      taken_ = false;
    }
    free_.notify_one();
  }

  mutable std::mutex mutex_;
  std::condition_variable free_;
  bool taken_ = false;
  Clock::time_point taken_at_;
};

}  // namespace hashpost::sender
