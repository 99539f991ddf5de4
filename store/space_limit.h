// SpaceLimit: whether what is about to be written fits, within the configured limit and on the disk. Asked
// before anything is written, because LMDB reports a short write, which is how a disk that fills up shows, as
// EIO: the same as a failed sync, after which nothing may be trusted. Thread-safe.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "lib/lmdb/lmdb.h"
#include "store/message_store.h"

namespace hashpost::store {

struct SpaceLimits {
  std::uint64_t max_bytes;       // of the data file, pages that are free for reuse not counted
  std::uint64_t min_free_bytes;  // of the disk; only deletes may go below
};

class SpaceLimit {
 public:
  // `env` must outlive the object; `folder` is where its files are.
  SpaceLimit(std::string folder, const lmdb::Env& env, const SpaceLimits& limits)
      : folder_(std::move(folder)), env_(env), limits_(limits) {}

  // Throws lmdb::Error with MDB_MAP_FULL (the limit), ENOSPC (the disk), EROFS (it is read-only) or EAGAIN
  // (the disk cannot be asked).
  void CheckFor(std::span<const Change> changes);

  // The same, for a message of some kilobytes; or as large as the one that was refused last, so that
  // readiness does not say yes meanwhile.
  void CheckForAny();

 private:
  void CheckLimit(std::uint64_t needed);
  void CheckDisk(std::uint64_t needed, std::uint64_t kept);
  [[nodiscard]] std::uint64_t FreeBytesInside();

  // Bytes needed by the last put that did not fit; 0: none, or one as large has fitted since.
  std::atomic<std::uint64_t> refused_{0};
  const std::string folder_;
  const lmdb::Env& env_;
  const SpaceLimits limits_;
  std::mutex mutex_;
  // The walk over a long free list is worth remembering until somebody commits. Guarded by mutex_.
  std::optional<std::size_t> counted_at_;  // the last transaction then
  std::uint64_t free_bytes_ = 0;
};

}  // namespace hashpost::store
