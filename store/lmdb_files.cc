#include "store/lmdb_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "lib/io/unique_fd.h"
#include "lib/log/log.h"
#include "store/bus_error.h"
#include "store/message_store.h"
#include "store/store_check.h"

namespace hashpost::store {
namespace {

constexpr const char* kMessages = "messages";
constexpr std::string_view kFormat = "1";
// Reader slots for all threads of all workers, twice over for restarts; 64 bytes of lock.mdb each.
constexpr unsigned kMaxReaders = 4096;

std::string SystemMessage(int error) {
  return std::system_category().message(error);
}

// Deletes must work in a full store, and they need pages of their own before they free any.
std::size_t MapBytes(std::uint64_t max_bytes) {
  constexpr std::uint64_t kSlack = 64U << 20U;
  return max_bytes + std::max<std::uint64_t>(kSlack, max_bytes / 16);
}

void Lock(int fd, const std::string& file) {
  while (::flock(fd, LOCK_EX) != 0) {
    if (errno != EINTR) throw StoreError(file + " cannot be locked: " + SystemMessage(errno) + ".");
  }
}

const char* Advice(int code) {
  switch (code) {
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
      return "data.mdb is damaged. hashpost-worker --recover-store=FOLDER copies what is whole to a new "
             "folder "
             "(docs/operations.md).";
    default:
      return "check HASHPOST_DATA, its owner and its disk.";
  }
}

// What the kernel calls clean may never have reached the disk: it must come from there when it is read next.
void DropFromMemory(const std::string& file) {
  const io::UniqueFd data(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  const int error = data ? ::posix_fadvise(data.get(), 0, 0, POSIX_FADV_DONTNEED) : errno;
  if (error != 0) throw StoreError(file + " cannot be dropped from memory: " + SystemMessage(error) + ".");
}

}  // namespace

LmdbFiles::LmdbFiles(std::string folder, std::uint64_t max_bytes)
    : folder_(std::move(folder)), suspect_(folder_ + "/suspect") {
  InstallBusErrorHandler();
  try {
    OpenEnv(max_bytes);
    guard_.emplace(folder_);
    if (read_only_) {
      OpenForReading();
    } else {
      messages_ = lmdb::OpenDurably(*env_, folder_, kMessages, kFormat);
      VerifyIfSuspect();
    }
  } catch (const lmdb::FormatUnknown& error) {
    throw StoreError("The store in " + folder_ + " " + error.what());
  } catch (const lmdb::FilesReplaced& error) {
    throw StoreError(std::string(error.what()) + ".");
  } catch (const lmdb::Error& error) {
    throw StoreError("The store in " + folder_ + " cannot be opened (" + error.what() +
                     "): " + Advice(error.code()));
  } catch (const std::system_error& error) {
    throw StoreError(std::string(error.what()) + ".");
  }
}

void LmdbFiles::OpenEnv(std::uint64_t max_bytes) {
  lmdb::EnvOptions options{.map_bytes = MapBytes(max_bytes), .max_readers = kMaxReaders, .max_databases = 2};
  try {
    env_.emplace(folder_, options);
    return;
  } catch (const lmdb::Error& error) {
    if (error.code() != EROFS) throw;
  }
  read_only_ = options.read_only = true;
  env_.emplace(folder_, options);
}

void LmdbFiles::OpenForReading() {
  const lmdb::Database meta = lmdb::FindDatabase(*env_, lmdb::kMeta);
  messages_ = lmdb::FindDatabase(*env_, kMessages);
  const lmdb::ReadTxn txn(*env_);
  lmdb::CheckFormat(txn.get(), meta, kFormat);
  log::Warning("store",
               folder_ +
                   " is on a file system that is read-only: messages can be read, and nothing can be "
                   "stored or deleted until it is writable.");
}

// After a failed sync the kernel calls pages clean that never reached the disk. So they are dropped from
// memory and every message is read back from the disk and hashed before writes are taken again.
void LmdbFiles::VerifyIfSuspect() {
  const io::UniqueFd mark(::open(suspect_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!mark && errno == ENOENT) return;
  if (!mark) throw StoreError(suspect_ + " cannot be opened: " + SystemMessage(errno) + ".");
  Lock(mark.get(), suspect_);
  if (::access(suspect_.c_str(), F_OK) != 0 && errno == ENOENT) return;  // a sibling did it
  log::Warning("store",
               "An earlier sync failed, so every message is read back and checked before writes go on.");
  DropFromMemory(folder_ + "/data.mdb");
  const lmdb::ReadTxn snapshot(*env_);
  StoreCheck check(folder_);
  const auto meta = check.FindMeta(snapshot.Id());  // (siblings write only when this is over)
  if (meta) CheckAll(check, *meta);
  if (!meta || check.damage().Any()) {
    throw StoreBroken("After a failed sync the store in " + folder_ + " is damaged (" +
                      Describe(check.damage()) + "): restore a backup, or delete " + suspect_ +
                      " to serve what is whole.");
  }
  ::unlink(suspect_.c_str());
  log::Info("store", "All " + std::to_string(check.messages()) + " messages are whole; writes go on.");
}

bool LmdbFiles::DiskIsReadOnly() const {
  const io::UniqueFd data(::open((folder_ + "/data.mdb").c_str(), O_RDWR | O_CLOEXEC));
  return !data && errno == EROFS;
}

void LmdbFiles::CheckGuard() const {
  try {
    guard_->Check();
  } catch (const lmdb::FilesReplaced& error) {
    throw StoreBroken(std::string(error.what()) + ".");
  } catch (const std::system_error& error) {
    throw StoreUnavailable(std::string(error.what()) + ".");
  }
}

void LmdbFiles::MarkSuspect() const {
  const io::UniqueFd mark(::open(suspect_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0640));
  if (mark) return;
  log::Error("store", suspect_ + " cannot be made (" + SystemMessage(errno) +
                          "): restart the machine before you trust what this store says.");
}

}  // namespace hashpost::store
