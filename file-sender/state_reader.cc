#include "file-sender/state_reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "file-sender/state.h"
#include "lib/io/file_reader.h"

namespace hashpost::sender {
namespace {

constexpr lmdb::EnvOptions kAsACopy{
    .map_bytes = State::kMapBytes, .max_readers = State::kMaxReaders, .max_databases = 1, .is_copy = true};
// With a pause between two tries: a sender commits a few hundred times a second, and copying takes
// milliseconds.
constexpr int kTries = 200;
constexpr std::chrono::milliseconds kPause{10};

io::UniqueFd CopyFile(const std::string& path) {
  const io::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw std::system_error(errno, std::system_category(), "open");
  io::UniqueFd copy(::memfd_create("state", MFD_CLOEXEC));
  if (!copy) throw std::system_error(errno, std::system_category(), "memfd_create");
  io::FileReader content(file.get());
  std::array<char, std::size_t{64} << 10U> piece;
  std::uint64_t offset = 0;
  while (const std::size_t size = content.ReadAt(offset, piece)) {
    if (::pwrite(copy.get(), piece.data(), size, static_cast<off_t>(offset)) != static_cast<ssize_t>(size)) {
      throw std::system_error(errno, std::system_category(), "memfd");
    }
    offset += size;
  }
  return copy;
}

}  // namespace

bool StateReader::IsThere(const std::string& folder) {
  struct stat status {};
  if (::stat((folder + "/data.mdb").c_str(), &status) == 0) return status.st_size > 0;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  throw std::system_error(errno, std::system_category(), "STATUS_DB_PATH=" + folder + " cannot be read");
}

StateReader::StateReader(const std::string& folder) : folder_(folder) {
  try {
    const std::string data = Open();
    State::CheckPages(*env_, data);
    files_ = lmdb::FindDatabase(*env_, State::kDatabase);
  } catch (const std::runtime_error& error) {
    const auto* const fault = dynamic_cast<const lmdb::Error*>(&error);
    if (fault != nullptr && fault->code() == MDB_NOTFOUND) return;
    throw std::runtime_error("The state in STATUS_DB_PATH=" + folder + " cannot be read: " + error.what() +
                             ".");
  }
}

std::string StateReader::Open() {
  std::string data = folder_ + "/data.mdb";
  if (::access((folder_ + "/lock.mdb").c_str(), R_OK | W_OK) != 0) return Copy(data);
  env_.emplace(folder_, lmdb::EnvOptions{.map_bytes = State::kMapBytes,
                                         .max_readers = State::kMaxReaders,
                                         .max_databases = 1,
                                         .read_only = true});
  return data;
}

// A commit writes to no page of the commit before it. So what was copied holds the newest commit of then, if
// that still is the newest one.
std::string StateReader::Copy(const std::string& data) {
  for (int tries = 0; tries < kTries; ++tries) {
    const std::size_t before = lmdb::Env(data, kAsACopy).GetUsage().last_transaction;
    copy_ = CopyFile(data);
    if (lmdb::Env(data, kAsACopy).GetUsage().last_transaction == before) {
      std::string path = "/proc/self/fd/" + std::to_string(copy_.get());
      env_.emplace(path, kAsACopy);
      return path;
    }
    std::this_thread::sleep_for(kPause);
  }
  throw std::system_error(EBUSY, std::system_category(), "the sender writes to it all the time; try again");
}

std::optional<FileRecord> StateReader::Get(const std::string& name) const {
  if (!files_) return std::nullopt;
  const lmdb::ReadTxn txn(*env_);
  const auto bytes = lmdb::Get(txn.get(), *files_, name);
  return bytes ? Decode(*bytes) : std::nullopt;
}

void StateReader::ForEach(const std::function<void(std::string_view, const FileRecord&)>& visit) const {
  if (!files_) return;
  const lmdb::ReadTxn txn(*env_);
  lmdb::Cursor cursor(txn.get(), *files_);
  while (const auto entry = cursor.Next()) {
    if (const auto record = Decode(entry->value)) visit(entry->key, *record);
  }
}

}  // namespace hashpost::sender
