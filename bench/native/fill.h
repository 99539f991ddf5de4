// Stores of a known content, made fast. Uses store/ itself, so the format is the store's own.

#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>

#include "bench/native/bench_message.h"

namespace hashpost::bench {

// Stores messages 0..count-1 of `series` in `folder` and writes one line of JSON to `out`. The pages come out
// as full as if each message had been posted by itself: nothing is appended in order. Throws StoreError.
void Fill(const std::string& folder, const Series& series, std::uint64_t count, std::ostream& out);

// Writes the digests of `sample` messages, spread evenly over 0..count-1, one in a line, to `out`.
void PrintDigests(const Series& series, std::uint64_t count, std::uint64_t sample, std::ostream& out);

}  // namespace hashpost::bench
