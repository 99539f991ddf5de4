// State: the sender's memory on disk, a FileRecord for each name (docs/file-drop.md has the format).
// Thread-safe. Another process may read it meanwhile; only one sender at a time works with it (SenderLock).

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "file-sender/file_record.h"
#include "lib/io/unique_fd.h"
#include "lib/lmdb/file_guard.h"
#include "lib/lmdb/lmdb.h"

namespace hashpost::sender {

// Held by the one sender that works with a state folder, until it ends, however it ends.
class SenderLock {
 public:
  // nullopt if another process holds it. Throws std::system_error if `folder` cannot be opened.
  [[nodiscard]] static std::optional<SenderLock> Take(const std::string& folder);

 private:
  explicit SenderLock(io::UniqueFd folder) : folder_(std::move(folder)) {}
  io::UniqueFd folder_;
};

class State {
 public:
  // 15 million names. (A map that could be larger would only take address space, which sanitizers have little
  // of.)
  static constexpr std::size_t kMapBytes = std::size_t{4} << 30U;
  static constexpr unsigned kMaxReaders = 126;
  static constexpr const char* kDatabase = "files";

  // Opens the state in `folder`, which exists, and makes it if it is not there. Throws std::runtime_error,
  // whose sentence names the folder.
  explicit State(const std::string& folder);

  // All of these throw lmdb::Error; those that write also lmdb::FilesReplaced, if other files than those that
  // are open have taken their place. A record that is damaged counts as missing: its file is sent once more.
  // Get logs that.
  [[nodiscard]] std::optional<FileRecord> Get(const std::string& name) const;

  // On return the record is on the disk, in place of the one before.
  void Put(const std::string& name, const FileRecord& record);

  // Throws std::runtime_error if the pages of `data_file`, which `env` has open, are damaged.
  static void CheckPages(const lmdb::Env& env, const std::string& data_file);

  // Lets this process, if it is root, go on as the user who owns the state in `folder`, so that what is made
  // there belongs to that user. Throws std::system_error.
  static void BecomeItsOwner(const std::string& folder);

  // Forgets which files are quarantined, so that they are tried again; returns how many they were.
  std::size_t ForgetQuarantined();

 private:
  lmdb::Env env_;
  lmdb::FileGuard guard_;
  lmdb::Database files_;
};

}  // namespace hashpost::sender
