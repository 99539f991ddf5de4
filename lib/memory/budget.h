// Budget: a bound on the bytes of all messages that a worker holds at once, so that many big ones cannot
// exhaust its memory. Small ones cost nothing: the number of connections bounds them already, and slow
// readers of big messages must not keep others from small ones. Thread-safe and lock-free.

#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <utility>

namespace hashpost::memory {

class Budget {
 public:
  explicit Budget(std::size_t bytes) : left_(bytes) {}

  // Some bytes of the budget, given back at the end of its life. The budget must outlive it.
  class Share {
   public:
    Share() = default;
    Share(Share&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    // What this held before is given back at once.
    Share& operator=(Share&& other) noexcept {
      Share taken(std::move(other));
      std::swap(budget_, taken.budget_);
      std::swap(bytes_, taken.bytes_);
      return *this;
    }
    ~Share() {
      if (budget_ != nullptr) budget_->left_.fetch_add(bytes_, std::memory_order_relaxed);
    }

   private:
    friend class Budget;
    Share(Budget* budget, std::size_t bytes) : budget_(budget), bytes_(bytes) {}
    Budget* budget_ = nullptr;
    std::size_t bytes_ = 0;
  };

  // Requests up to this many bytes are always granted.
  static constexpr std::size_t kFree = 64U << 10U;

  // nullopt if less than `bytes` is left. A refusal takes nothing, not even for a moment: nobody else is
  // refused for it.
  [[nodiscard]] std::optional<Share> Take(std::size_t bytes) {
    if (bytes <= kFree) return Share();
    std::size_t left = left_.load(std::memory_order_relaxed);
    do {
      if (left < bytes) return std::nullopt;
    } while (!left_.compare_exchange_weak(left, left - bytes, std::memory_order_relaxed));
    return Share(this, bytes);
  }

 private:
  std::atomic<std::size_t> left_;
};

}  // namespace hashpost::memory
