// LmdbFiles: the files of a store, opened and checked as far as a start must. On a file system that is
// read-only they are opened for reading. Not for use after fork(); opened once in a process.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lib/lmdb/file_guard.h"
#include "lib/lmdb/lmdb.h"

namespace hashpost::store {

class LmdbFiles {
 public:
  // Opens or creates the store and forces it to the disk, so that nothing is ever served that is only in
  // memory. If an earlier sync failed, first reads back and re-hashes every message. Throws StoreError with a
  // sentence that names the folder.
  LmdbFiles(std::string folder, std::uint64_t max_bytes);

  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] bool read_only() const { return read_only_; }
  [[nodiscard]] lmdb::Env& env() { return *env_; }
  [[nodiscard]] lmdb::Database messages() const { return messages_; }

  // Whether the file system takes writes; tried, since ext4 after an error is read-only and statvfs(2) does
  // not say so.
  [[nodiscard]] bool DiskIsReadOnly() const;

  // Throws StoreBroken if the files are not those any more that are open. Before each commit.
  void CheckGuard() const;

  // Has the next process that opens the store read everything back from the disk: a sync failed.
  void MarkSuspect() const;

 private:
  void OpenEnv(std::uint64_t max_bytes);
  void OpenForReading();
  void VerifyIfSuspect();

  const std::string folder_;
  const std::string suspect_;  // a file
  bool read_only_ = false;
  std::optional<lmdb::Env> env_;
  std::optional<lmdb::FileGuard> guard_;
  lmdb::Database messages_ = 0;
};

}  // namespace hashpost::store
