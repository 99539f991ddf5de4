// open(2) O_TMPFILE, linkat(2), rename(2), fsync(2).

#include "lib/io/unnamed_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace hashpost::io {
namespace {

[[noreturn]] void Throw(const char* what) {
  throw std::system_error(errno, std::system_category(), what);
}

}  // namespace

UnnamedFile::UnnamedFile(int folder)
    : folder_(folder), file_(::openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0640)) {
  if (file_) return;
  Throw(errno == EOPNOTSUPP
            ? "its file system makes no files without a name (O_TMPFILE), as ext4, xfs, btrfs and tmpfs do"
            : "a new file cannot be opened");
}

void UnnamedFile::Write(std::string_view bytes) {
  size_ += bytes.size();
  WriteAll(fd(), bytes);
}

void UnnamedFile::Sync() {
  if (::fsync(fd()) != 0) Throw("syncing fails");
}

// (linkat by the descriptor alone would want a capability.)
void UnnamedFile::Link(const std::string& name) const {
  const std::string self = "/proc/self/fd/" + std::to_string(fd());
  if (::linkat(AT_FDCWD, self.c_str(), folder_, name.c_str(), AT_SYMLINK_FOLLOW) != 0)
    Throw("the file cannot be given a name");
}

void UnnamedFile::Publish(int folder, const std::string& name, const std::string& aside) {
  // A link never replaces anything, and what an earlier process left is in its way.
  if (::unlinkat(folder_, aside.c_str(), 0) != 0 && errno != ENOENT)
    Throw("a left-over file cannot be removed");
  Link(aside);
  // The kernel reports the closing of a file that could be written under the name that it has then; of one
  // that was opened without a name it never knows the new one.
  UniqueFd written(::openat(folder_, aside.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  if (::renameat(folder_, aside.c_str(), folder, name.c_str()) != 0) {
    const int error = errno;
    ::unlinkat(folder_, aside.c_str(), 0);
    errno = error;
    Throw("the file cannot be put in its place");
  }
  written = UniqueFd();
  if (::fsync(folder) != 0) Throw("syncing the folder fails");
}

}  // namespace hashpost::io
