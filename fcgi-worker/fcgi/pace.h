// Pace: whether a client keeps a thread waiting for its bytes, or takes those it is sent, more slowly than a
// thread is worth when others want it. Looked at four times a second. One thread.

#pragma once

#include <cstdint>

namespace hashpost::fcgi {

class Pace {
 public:
  // A client that moves fewer bytes between two looks is slow: 16 KiB a second.
  static constexpr std::uint64_t kLeastBytes = 4U << 10U;
  // A moment of it is nobody's fault.
  static constexpr unsigned kSlowFrom = 3;

  // `moved`: bytes so far, both ways; `waits`: whether a thread waits for the client just now.
  void Look(std::uint64_t moved, bool waits) {
    slow_looks_ = waits && moved - moved_ < kLeastBytes ? slow_looks_ + 1 : 0;
    moved_ = moved;
  }

  // Looks without a break, up to now.
  [[nodiscard]] unsigned slow_looks() const { return slow_looks_; }
  [[nodiscard]] bool IsSlow() const { return slow_looks_ >= kSlowFrom; }

 private:
  std::uint64_t moved_ = 0;
  unsigned slow_looks_ = 0;
};

}  // namespace hashpost::fcgi
