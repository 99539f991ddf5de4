#include "store/space_limit.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>

namespace hashpost::store {
namespace {

// Copies of the pages on the way to a record, and its share of the free list.
constexpr std::uint64_t kPerChange = 16U << 10U;

}  // namespace

void SpaceLimit::CheckFor(std::span<const Change> changes) {
  std::uint64_t needed = kPerChange * changes.size();
  bool puts = false;
  for (const Change& change : changes) {
    if (!change.message) continue;
    needed += 2 * change.message->size();
    puts = true;
  }
  // Deletes may use what is kept back: they are the way out of a full store.
  if (!puts) return CheckDisk(needed, 0);
  try {
    CheckLimit(needed);
    CheckDisk(needed, limits_.min_free_bytes);
    if (needed >= refused_) refused_ = 0;
  } catch (const lmdb::Error&) {
    refused_ = needed;
    throw;
  }
}

void SpaceLimit::CheckForAny() {
  constexpr std::uint64_t kSome = 4 * kPerChange;
  const std::uint64_t needed = std::max<std::uint64_t>(kSome, refused_);
  CheckLimit(needed);
  CheckDisk(needed, limits_.min_free_bytes);
}

void SpaceLimit::CheckLimit(std::uint64_t needed) {
  const lmdb::Usage usage = env_.GetUsage();
  const std::uint64_t size = usage.pages * usage.page_size;
  if (size + needed <= limits_.max_bytes) return;
  if (size - std::min(size, FreeBytesInside()) + needed > limits_.max_bytes)
    throw lmdb::Error("limit", MDB_MAP_FULL);
}

void SpaceLimit::CheckDisk(std::uint64_t needed, std::uint64_t kept) {
  struct statvfs disk {};
  if (::statvfs(folder_.c_str(), &disk) != 0) throw lmdb::Error("statvfs", EAGAIN);
  if ((disk.f_flag & ST_RDONLY) != 0) throw lmdb::Error("statvfs", EROFS);
  if (disk.f_bavail * disk.f_frsize >= needed + kept) return;
  // Room inside the file will do, if there is plenty: some of its free pages may still be seen by a
  // reader.
  if (FreeBytesInside() < 4 * needed) throw lmdb::Error("statvfs", ENOSPC);
}

std::uint64_t SpaceLimit::FreeBytesInside() {
  const std::scoped_lock lock(mutex_);
  const lmdb::Usage usage = env_.GetUsage();
  if (counted_at_ != usage.last_transaction) {
    const lmdb::ReadTxn txn(env_);
    free_bytes_ = lmdb::FreePages(txn.get()) * usage.page_size;
    counted_at_ = usage.last_transaction;
  }
  return free_bytes_;
}

}  // namespace hashpost::store
