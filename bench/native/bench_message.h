// The messages of the benchmarks: number i of a series can be made again by whoever knows the series, so a
// load knows the digests of a store that it did not fill. Thread-safe: no state.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace hashpost::bench {

struct Series {
  std::string seed;   // messages of different seeds differ
  std::size_t bytes;  // of each message; at least kMinBytes more than the seed
};

inline constexpr std::size_t kMinBytes = 21;  // a dash and the digits of any 64-bit number

// The seed, a dash, and `index` in decimal with zeros before it, series.bytes bytes in all.
[[nodiscard]] std::string Message(const Series& series, std::uint64_t index);

}  // namespace hashpost::bench
