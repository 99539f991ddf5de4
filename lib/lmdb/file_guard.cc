#include "lib/lmdb/file_guard.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

namespace hashpost::lmdb {
namespace {

// Bytes of the folder that nobody else locks; there is nothing at them.
constexpr off_t kFirst = off_t{1} << 61;
constexpr std::uint64_t kBytes = std::uint64_t{1} << 61;

struct flock Range(short type, off_t start, off_t length) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = start;
  range.l_len = length;
  return range;
}

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
  struct flock range = Range(F_RDLCK, own, 1);
  // Taken first: of two that start at the same moment at least one sees the other.
  if (::fcntl(claim_.get(), F_OFD_SETLK, &range) != 0) Throw("The folder " + folder_ + " cannot be locked");
  for (struct flock others : {Range(F_WRLCK, kFirst, own - kFirst), Range(F_WRLCK, own + 1, 0)}) {
    if (own == kFirst && others.l_start == kFirst) continue;  // nothing before it
    if (::fcntl(claim_.get(), F_OFD_GETLK, &others) != 0)
      Throw("The locks of " + folder_ + " cannot be read");
    if (others.l_type == F_UNLCK) continue;
    throw FilesReplaced(
        "Another process has a data.mdb or lock.mdb of " + folder_ +
        " open that is not there any more: end every process that uses the folder, then start again");
  }
}

bool FileGuard::IsInUse(const std::string& folder) {
  const io::UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct flock guards = Range(F_WRLCK, kFirst, 0);
  if (!fd || ::fcntl(fd.get(), F_OFD_GETLK, &guards) != 0)
    Throw("The folder " + folder + " cannot be looked at");
  return guards.l_type != F_UNLCK;
}

void FileGuard::Check() const {
  if (Identify("/data.mdb") == data_ && Identify("/lock.mdb") == lock_) return;
  throw FilesReplaced(
      "data.mdb or lock.mdb in " + folder_ +
      " was removed or replaced while this process had it open; nothing more is written to it");
}

}  // namespace hashpost::lmdb
