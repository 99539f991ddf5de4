#include "bench/native/lmdb_probe.h"

#include <endian.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ostream>
#include <vector>

#include "bench/native/samples.h"
#include "lib/crypto/sha256.h"
#include "lib/lmdb/lmdb.h"

namespace hashpost::bench {
namespace {

void Check(const char* call, int code) {
  if (code != MDB_SUCCESS) throw lmdb::Error(call, code);
}

struct Entry {
  crypto::Sha256Digest digest;
  std::string value;
};

std::string Value(const std::string& message) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::uint64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const std::uint64_t created = htobe64(ms);
  std::string value(sizeof created, '\0');
  std::memcpy(value.data(), &created, sizeof created);
  return value + message;
}

std::vector<Entry> SortedBatch(const Series& series, std::uint64_t first, std::size_t size) {
  std::vector<Entry> entries;
  entries.reserve(size);
  for (std::size_t i = 0; i < size; ++i) {
    const std::string message = Message(series, first + i);
    entries.push_back({crypto::HashSha256(message), Value(message)});
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.digest < b.digest; });
  return entries;
}

lmdb::Env OpenEnv(const std::string& folder) {
  constexpr std::size_t kMapBytes = std::size_t{1} << 40U;
  constexpr unsigned kReaders = 4096;
  ::mkdir(folder.c_str(), 0750);
  return lmdb::Env(folder, {kMapBytes, kReaders, 2});
}

MDB_dbi OpenMessages(const lmdb::Env& env) {
  lmdb::WriteTxn txn(env);
  const MDB_dbi messages = lmdb::OpenDatabase(txn, "messages");
  txn.Commit();
  return messages;
}

void PutAll(const lmdb::Env& env, MDB_dbi messages, std::vector<Entry>& entries) {
  MDB_txn* txn = nullptr;
  Check("mdb_txn_begin", mdb_txn_begin(env.get(), nullptr, 0, &txn));
  for (Entry& entry : entries) {
    std::string key(entry.digest.Bytes());
    MDB_val wanted{key.size(), key.data()};
    MDB_val value{entry.value.size(), entry.value.data()};
    const int code = mdb_put(txn, messages, &wanted, &value, MDB_NOOVERWRITE);
    if (code != MDB_SUCCESS) mdb_txn_abort(txn);
    Check("mdb_put", code);
  }
  Check("mdb_txn_commit", mdb_txn_commit(txn));
}

}  // namespace

void ProbePutLoop(const std::string& folder, const Series& series, std::uint64_t count, std::size_t batch,
                  std::ostream& out) {
  const lmdb::Env env = OpenEnv(folder);
  const MDB_dbi messages = OpenMessages(env);
  double seconds = 0;
  double preparing = 0;
  for (std::uint64_t done = 0; done < count; done += batch) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(batch, count - done));
    const auto prepare = Clock::now();
    std::vector<Entry> entries = SortedBatch(series, done, size);
    const auto start = Clock::now();
    preparing += std::chrono::duration<double>(start - prepare).count();
    PutAll(env, messages, entries);
    seconds += SecondsSince(start);
  }
  out << R"({"probe":"put-loop","messages":)" << count << R"(,"bytes":)" << series.bytes << R"(,"batch":)"
      << batch << R"(,"seconds":)" << seconds << R"(,"messages_per_second":)"
      << static_cast<double>(count) / seconds << R"(,"messages_per_second_with_hash_and_sort":)"
      << static_cast<double>(count) / (seconds + preparing) << "}\n";
}

void ProbePutOne(const std::string& folder, const Series& series, std::uint64_t count, std::ostream& out) {
  const lmdb::Env env = OpenEnv(folder);
  const MDB_dbi messages = OpenMessages(env);
  Samples samples;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::vector<Entry> entries = SortedBatch(series, i, 1);
    const auto start = Clock::now();
    PutAll(env, messages, entries);
    samples.Add(Clock::now() - start);
  }
  out << R"({"probe":"put-one","commits":)" << samples.size() << R"(,"bytes":)" << series.bytes
      << R"(,"p50_us":)" << samples.Microseconds(50) << R"(,"p99_us":)" << samples.Microseconds(99) << "}\n";
}

}  // namespace hashpost::bench
