// StateReader: the sender's state (state.h) for whoever only looks: nothing is made or changed, so any user
// who may read data.mdb can have one, while a sender works with it. Who may also write to lock.mdb reads as
// LMDB is meant to be read; anybody else gets a copy in memory of the state as it was at one time, since
// LMDB's readers without a lock may see pages that are being overwritten. Thread-safe.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "file-sender/file_record.h"
#include "lib/io/unique_fd.h"
#include "lib/lmdb/lmdb.h"

namespace hashpost::sender {

class StateReader {
 public:
  // Of the state in `folder`. Throws std::runtime_error, whose sentence names the folder, if it cannot be
  // read.
  explicit StateReader(const std::string& folder);

  // Whether there is a state in `folder`. Throws std::system_error if that cannot be told.
  [[nodiscard]] static bool IsThere(const std::string& folder);

  // As State's.
  [[nodiscard]] std::optional<FileRecord> Get(const std::string& name) const;
  void ForEach(const std::function<void(std::string_view name, const FileRecord& record)>& visit) const;

 private:
  // Both open env_ and return the path of its data file.
  std::string Open();
  std::string Copy(const std::string& data);

  const std::string folder_;
  io::UniqueFd copy_;
  std::optional<lmdb::Env> env_;
  std::optional<lmdb::Database> files_;  // nothing was recorded yet without it
};

}  // namespace hashpost::sender
