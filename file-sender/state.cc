#include "file-sender/state.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "lib/io/folder.h"
#include "lib/lmdb/damage.h"
#include "lib/log/log.h"
#include "lib/utf8/utf8.h"

namespace hashpost::sender {

namespace {

lmdb::Database OpenFiles(const std::string& folder, const lmdb::Env& env) {
  State::CheckPages(env, folder + "/data.mdb");
  lmdb::WriteTxn txn(env);
  const lmdb::Database files = lmdb::OpenDatabase(txn, State::kDatabase);
  txn.Commit();
  return files;
}

void Replace(const lmdb::WriteTxn& txn, lmdb::Database files, std::string_view name,
             const FileRecord& record) {
  const std::string bytes = Encode(record);
  lmdb::Delete(txn, files, name);
  bytes.copy(lmdb::Reserve(txn, files, name, bytes.size()), bytes.size());
}

}  // namespace

std::optional<SenderLock> SenderLock::Take(const std::string& folder) {
  io::UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd)
    throw std::system_error(errno, std::system_category(), "The folder " + folder + " cannot be opened");
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return std::nullopt;
    throw std::system_error(errno, std::system_category(), "The folder " + folder + " cannot be locked");
  }
  return SenderLock(std::move(fd));
}

State::State(const std::string& folder) try
    : env_(folder, {.map_bytes = kMapBytes, .max_readers = kMaxReaders, .max_databases = 1}),
      guard_(folder),
      files_(OpenFiles(folder, env_)) {
  env_.ClearStaleReaders();
  // What a killed sender has committed may not have reached the disk when it was killed within that.
  env_.Sync();
  io::SyncFolder(folder);
} catch (const std::runtime_error& error) {
  throw std::runtime_error("The state in STATUS_DB_PATH=" + folder + " cannot be opened: " + error.what() +
                           ".");
}

void State::CheckPages(const lmdb::Env& env, const std::string& data_file) {
  if (const auto damage = lmdb::FindDamage(env, data_file)) {
    throw std::runtime_error("data.mdb is damaged (" + *damage +
                             "): move it away, and every file is sent once more");
  }
}

void State::BecomeItsOwner(const std::string& folder) {
  if (::geteuid() != 0) return;
  struct stat owner {};
  const std::string file = folder + "/data.mdb";
  if (::stat(file.c_str(), &owner) == 0 &&
      (owner.st_uid == 0 ||
       (::setgroups(0, nullptr) == 0 && ::setgid(owner.st_gid) == 0 && ::setuid(owner.st_uid) == 0)))
    return;
  throw std::system_error(errno, std::system_category(), "The owner of " + file + " cannot be taken on");
}

std::optional<FileRecord> State::Get(const std::string& name) const {
  const lmdb::ReadTxn txn(env_);
  const auto bytes = lmdb::Get(txn.get(), files_, name);
  if (!bytes) return std::nullopt;
  auto record = Decode(*bytes);
  if (!record) {
    log::Warning("sender", "The record of " + utf8::Printable(name, 255) +
                               " in STATUS_DB_PATH is damaged; the file counts as new.");
  }
  return record;
}

void State::Put(const std::string& name, const FileRecord& record) {
  lmdb::WriteTxn txn(env_);
  guard_.Check();
  Replace(txn, files_, name, record);
  txn.Commit();
}

std::size_t State::ForgetQuarantined() {
  lmdb::WriteTxn txn(env_);
  guard_.Check();
  std::vector<std::pair<std::string, FileRecord>> found;
  {
    lmdb::Cursor cursor(txn.get(), files_);
    while (const auto entry = cursor.Next()) {
      auto record = Decode(entry->value);
      if (!record || record->kind != RecordKind::kQuarantined) continue;
      record->kind = RecordKind::kPending;
      found.emplace_back(entry->key, *std::move(record));
    }
  }
  for (const auto& [name, record] : found) Replace(txn, files_, name, record);
  txn.Commit();
  return found.size();
}

}  // namespace hashpost::sender
