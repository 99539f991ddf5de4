#include "bench/native/fill.h"

#include <sys/stat.h>

#include <algorithm>
#include <ostream>
#include <vector>

#include "bench/native/samples.h"
#include "lib/crypto/sha256.h"
#include "store/lmdb_store.h"

namespace hashpost::bench {
namespace {

// The digests are filled in stripe by stripe, so that the pages being changed stay few; within a stripe in
// batches that double, so that each splits leaves the way single messages would.
constexpr std::size_t kStripes = 64;
constexpr std::size_t kFirstBatch = 256;
constexpr std::size_t kLargestBatch = 1U << 17U;

using Indexes = std::vector<std::uint64_t>;

std::vector<Indexes> SortIntoStripes(const Series& series, std::uint64_t count) {
  std::vector<Indexes> stripes(kStripes);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto first_byte = static_cast<unsigned char>(crypto::HashSha256(Message(series, i)).Bytes()[0]);
    stripes[first_byte * kStripes / 256].push_back(i);
  }
  return stripes;
}

void Store(store::MessageStore& store, const Series& series, const Indexes& indexes) {
  for (std::size_t begin = 0, size = kFirstBatch; begin < indexes.size(); begin += size, size = begin) {
    size = std::min({size, kLargestBatch, indexes.size() - begin});
    std::vector<std::string> messages(size);
    std::vector<store::Change> changes;
    changes.reserve(size);
    for (std::size_t i = 0; i < size; ++i) {
      messages[i] = Message(series, indexes[begin + i]);
      changes.push_back({crypto::HashSha256(messages[i]), messages[i]});
    }
    static_cast<void>(store.Apply(changes));
  }
}

}  // namespace

void Fill(const std::string& folder, const Series& series, std::uint64_t count, std::ostream& out) {
  const auto start = Clock::now();
  ::mkdir(folder.c_str(), 0750);
  {
    constexpr std::uint64_t kMaxStoreBytes = std::uint64_t{1} << 40U;
    store::LmdbStore store({.folder = folder, .max_bytes = kMaxStoreBytes});
    for (const Indexes& indexes : SortIntoStripes(series, count)) Store(store, series, indexes);
  }
  struct stat file {};
  ::stat((folder + "/data.mdb").c_str(), &file);
  const double seconds = SecondsSince(start);
  out << R"({"probe":"fill","messages":)" << count << R"(,"bytes":)" << series.bytes << R"(,"seconds":)"
      << seconds << R"(,"messages_per_second":)" << static_cast<double>(count) / seconds
      << R"(,"file_bytes":)" << file.st_size << "}\n";
}

void PrintDigests(const Series& series, std::uint64_t count, std::uint64_t sample, std::ostream& out) {
  sample = std::min(sample, count);
  for (std::uint64_t i = 0; i < sample; ++i) {
    // (In floating point: the product of two large numbers would not fit.)
    const auto index = static_cast<std::uint64_t>(static_cast<double>(i) * static_cast<double>(count) /
                                                  static_cast<double>(sample));
    out << crypto::HashSha256(Message(series, index)).Hex() << "\n";
  }
}

}  // namespace hashpost::bench
