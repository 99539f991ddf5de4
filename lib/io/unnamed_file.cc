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
  if (!file_) Throw("a new file cannot be opened");
}

void UnnamedFile::Write(std::string_view bytes) {
  size_ += bytes.size();
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) Throw("writing fails");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void UnnamedFile::Sync() {
  if (::fsync(fd()) != 0) Throw("syncing fails");
}

// False: the name is taken. (linkat by the descriptor alone would want a capability.)
bool UnnamedFile::Link(const std::string& name) const {
  const std::string self = "/proc/self/fd/" + std::to_string(fd());
  if (::linkat(AT_FDCWD, self.c_str(), folder_, name.c_str(), AT_SYMLINK_FOLLOW) == 0) return true;
  if (errno != EEXIST) Throw("the file cannot be given its name");
  return false;
}

void UnnamedFile::Publish(const std::string& name, const std::string& aside) {
  if (!Link(name)) {
    // A link never replaces anything, a rename does. What an earlier process left of the other name is in the
    // way.
    if (::unlinkat(folder_, aside.c_str(), 0) != 0 && errno != ENOENT)
      Throw("a left-over file cannot be removed");
    if (!Link(aside)) Throw("the file cannot be given its name");
    if (::renameat(folder_, aside.c_str(), folder_, name.c_str()) != 0) {
      const int error = errno;
      ::unlinkat(folder_, aside.c_str(), 0);
      errno = error;
      Throw("the file cannot take the place of the old one");
    }
  }
  if (::fsync(folder_) != 0) Throw("syncing the folder fails");
}

}  // namespace hashpost::io
