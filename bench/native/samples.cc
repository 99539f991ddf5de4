#include "bench/native/samples.h"

#include <algorithm>
#include <cmath>

namespace hashpost::bench {

void Samples::Add(Clock::duration duration) {
  samples_.push_back(duration);
}

double Samples::Microseconds(double percent) const {
  if (samples_.empty()) return 0;
  std::vector<Clock::duration> sorted = samples_;
  std::sort(sorted.begin(), sorted.end());
  const double rank = std::ceil(percent / 100 * static_cast<double>(sorted.size()));
  const auto at = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
  return std::chrono::duration<double, std::micro>(sorted[std::min(at, sorted.size() - 1)]).count();
}

}  // namespace hashpost::bench
