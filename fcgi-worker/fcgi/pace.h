// Pace: whether a client keeps a thread waiting for its bytes, or takes those it is sent, more slowly than a
// thread is worth when others want it. Looked at once a second. One thread.

#pragma once

#include <cstdint>

namespace hashpost::fcgi {

class Pace {
 public:
  // A client that moves fewer bytes in a second is slow.
  static constexpr std::uint64_t kLeastBytes = 16U << 10U;
  // A moment of it is nobody's fault.
  static constexpr unsigned kSlowFrom = 2;

  // `moved`: bytes so far, both ways; `waits`: whether a thread waits for the client just now.
  void Look(std::uint64_t moved, bool waits) {
    slow_seconds_ = waits && moved - moved_ < kLeastBytes ? slow_seconds_ + 1 : 0;
    moved_ = moved;
  }
  void Reset() { slow_seconds_ = 0; }

  // Without a break, up to now.
  [[nodiscard]] unsigned slow_seconds() const { return slow_seconds_; }
  [[nodiscard]] bool IsSlow() const { return slow_seconds_ >= kSlowFrom; }

 private:
  std::uint64_t moved_ = 0;
  unsigned slow_seconds_ = 0;
};

}  // namespace hashpost::fcgi
