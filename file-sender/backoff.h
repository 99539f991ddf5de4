// Backoff: how long to wait before the next try: it doubles from 1 s up to a bound, and each time a random
// part of up to a half is taken off, so that many files, or many senders, do not come back at the same
// moment. Stateless; thread-safe.

#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace hashpost::sender {

// `failures`: how often it has failed in a row, 1 or more. Between half of and the whole of
// min(2^(failures-1) s, longest).
[[nodiscard]] inline std::chrono::milliseconds Backoff(unsigned failures, std::chrono::seconds longest) {
  constexpr unsigned kEnough = 20;  // 2^20 s are above any bound
  const std::chrono::milliseconds whole =
      std::min(std::chrono::seconds(1U << std::min(failures - 1, kEnough)), longest);
  thread_local std::minstd_rand random{std::random_device{}()};
  return whole - std::chrono::milliseconds(std::uniform_int_distribution<std::chrono::milliseconds::rep>(
                     0, whole.count() / 2)(random));
}

}  // namespace hashpost::sender
