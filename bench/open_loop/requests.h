// Requests: what the open loop sends, one after the other, as bench/load.lua does: its settings are in the
// same environment variables. Not thread-safe.

#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace hashpost::bench {

class Requests {
 public:
  // Reads BENCH_LOAD and the others. Throws std::runtime_error naming what is missing.
  Requests();

  // The next request, whole. It lives until `slot`, one of a connection, is given again.
  [[nodiscard]] const std::string& Next(std::size_t slot);
  [[nodiscard]] bool IsExpected(int status) const { return expected_.contains(status); }

 private:
  std::set<int> expected_;
  std::vector<std::string> reads_;
  std::vector<std::string> slots_;
  std::string post_head_;  // up to the message's digits; empty: reads
  std::uint64_t count_ = 0;
};

}  // namespace hashpost::bench
