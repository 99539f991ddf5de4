#include "lib/lmdb/file_guard.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include "lib/io/range_lock.h"

namespace hashpost::lmdb {
namespace {

// Bytes of the folder that nobody else locks; there is nothing at them.
constexpr off_t kFirst = off_t{1} << 61;
constexpr std::uint64_t kBytes = std::uint64_t{1} << 61;

[[noreturn]] void Throw(const std::string& what) {
  throw std::system_error(errno, std::system_category(), what);
}

}  // namespace

FileGuard::FileGuard(std::string folder)
    : folder_(std::move(folder)),
      data_(Identify("/data.mdb")),
      lock_(Identify("/lock.mdb")),
      claim_(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (!claim_) Throw("The folder " + folder_ + " cannot be opened");
  Claim();
}

FileGuard::Identity FileGuard::Identify(const char* name) const {
  struct stat file {};
  const std::string path = folder_ + name;
  if (::stat(path.c_str(), &file) == 0) return {file.st_dev, file.st_ino};
  if (errno != ENOENT && errno != ENOTDIR) Throw(path + " cannot be looked at");
  return {};
}

void FileGuard::Claim() {
  constexpr std::uint64_t kMix = 0x9E3779B97F4A7C15U;  // spreads the bits (an odd number near 2^64 / phi)
  const std::uint64_t mixed = (data_.inode * kMix + lock_.inode) * kMix;
  const off_t own = kFirst + static_cast<off_t>(mixed % kBytes);
  // Taken first: of two that start at the same moment at least one sees the other.
  if (!io::LockRange(claim_.get(), F_RDLCK, {own, 1}, F_OFD_SETLK))
    Throw("The folder " + folder_ + " cannot be locked");
  for (const io::ByteRange& others : {io::ByteRange{kFirst, own - kFirst}, io::ByteRange{own + 1, 0}}) {
    if (own == kFirst && others.start == kFirst) continue;  // nothing before it
    const auto locked = io::IsRangeLocked(claim_.get(), others);
    if (!locked) Throw("The locks of " + folder_ + " cannot be read");
    if (!*locked) continue;
    throw FilesReplaced(
        "Another process has a data.mdb or lock.mdb of " + folder_ +
        " open that is not there any more: end every process that uses the folder, then start again");
  }
}

bool FileGuard::IsInUse(const std::string& folder) {
  const io::UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto locked = fd ? io::IsRangeLocked(fd.get(), {kFirst, 0}) : std::nullopt;
  if (!locked) Throw("The folder " + folder + " cannot be looked at");
  return *locked;
}

void FileGuard::Check() const {
  if (Identify("/data.mdb") == data_ && Identify("/lock.mdb") == lock_) return;
  throw FilesReplaced(
      "data.mdb or lock.mdb in " + folder_ +
      " was removed or replaced while this process had it open; nothing more is written to it");
}

}  // namespace hashpost::lmdb
