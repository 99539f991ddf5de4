// The ceiling of the store: LMDB by itself, with the flags, the database and the value's layout of our store,
// and nothing else around it. Uses LMDB's calls directly on purpose.

#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>

#include "bench/native/bench_message.h"

namespace hashpost::bench {

// Puts `count` new messages of `series` into the store in `folder` (made if missing; one that is filled stays
// so), in durable commits of `batch`, each sorted by key. Hashing and sorting are not in the time. Writes
// JSON to `out`. Throws lmdb::Error.
void ProbePutLoop(const std::string& folder, const Series& series, std::uint64_t count, std::size_t batch,
                  std::ostream& out);

// The same, one message in a commit, `count` times: percentiles of one put and its commit.
void ProbePutOne(const std::string& folder, const Series& series, std::uint64_t count, std::ostream& out);

}  // namespace hashpost::bench
