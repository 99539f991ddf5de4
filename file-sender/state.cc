#include "file-sender/state.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <system_error>
#include <vector>

#include "lib/io/folder.h"

namespace hashpost::sender {
namespace {

// 15 million names. (A map that could be larger would only take address space, which sanitizers have little
// of.)
constexpr std::size_t kMapBytes = std::size_t{4} << 30U;
constexpr unsigned kMaxReaders = 126;

lmdb::Database OpenFiles(const lmdb::Env& env) {
  lmdb::WriteTxn txn(env);
  const lmdb::Database files = lmdb::OpenDatabase(txn, "files");
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

State::State(const std::string& folder)
    : env_(folder, {.map_bytes = kMapBytes, .max_readers = kMaxReaders, .max_databases = 1}),
      guard_(folder),
      files_(OpenFiles(env_)) {
  env_.ClearStaleReaders();
  // What a killed sender has committed may not have reached the disk when it was killed within that.
  env_.Sync();
  io::SyncFolder(folder);
}

std::optional<FileRecord> State::Get(const std::string& name) const {
  const lmdb::ReadTxn txn(env_);
  const auto bytes = lmdb::Get(txn.get(), files_, name);
  if (!bytes) return std::nullopt;
  return Decode(*bytes);
}

void State::Put(const std::string& name, const FileRecord& record) {
  lmdb::WriteTxn txn(env_);
  guard_.Check();
  Replace(txn, files_, name, record);
  txn.Commit();
}

std::size_t State::ForgetSetAside() {
  lmdb::WriteTxn txn(env_);
  guard_.Check();
  std::vector<std::string> names;
  {
    lmdb::Cursor cursor(txn.get(), files_);
    while (const auto entry = cursor.Next()) {
      if (Decode(entry->value).kind == FileRecord::Kind::kSetAside) names.emplace_back(entry->key);
    }
  }
  for (const std::string& name : names) {
    FileRecord record = Decode(*lmdb::Get(txn.get(), files_, name));
    record.kind = FileRecord::Kind::kPending;
    Replace(txn, files_, name, record);
  }
  txn.Commit();
  return names.size();
}

void State::ForEach(const std::function<void(std::string_view, const FileRecord&)>& visit) const {
  const lmdb::ReadTxn txn(env_);
  lmdb::Cursor cursor(txn.get(), files_);
  while (const auto entry = cursor.Next()) visit(entry->key, Decode(entry->value));
}

}  // namespace hashpost::sender
