#include "bench/native/bench_message.h"

#include <algorithm>
#include <stdexcept>

namespace hashpost::bench {

std::string Message(const Series& series, std::uint64_t index) {
  if (series.bytes < series.seed.size() + kMinBytes) {
    throw std::invalid_argument("--bytes must be at least " + std::to_string(kMinBytes) +
                                " more than the length of --seed.");
  }
  std::string message(series.bytes, '0');
  std::copy(series.seed.begin(), series.seed.end(), message.begin());
  message[series.seed.size()] = '-';
  for (auto place = message.rbegin(); index != 0; ++place, index /= 10) {
    *place = static_cast<char>('0' + index % 10);
  }
  return message;
}

}  // namespace hashpost::bench
