// Durations of one kind of call, and what is told of them. Not thread-safe.

#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace hashpost::bench {

using Clock = std::chrono::steady_clock;

inline double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Samples {
 public:
  void Add(Clock::duration duration);
  // The duration that `percent` (0..100) of the samples do not exceed, in microseconds; 0 without samples.
  [[nodiscard]] double Microseconds(double percent) const;
  [[nodiscard]] std::size_t size() const { return samples_.size(); }

 private:
  std::vector<Clock::duration> samples_;
};

}  // namespace hashpost::bench
