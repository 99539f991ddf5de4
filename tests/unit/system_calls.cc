#include "tests/unit/system_calls.h"

#include <linux/fadvise.h>  // (fcntl.h has a struct flock, which the function would hide)
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <mutex>

namespace hashpost {
namespace {

constexpr int kUnnamed = 020000000;  // __O_TMPFILE (fcntl.h, see above)

std::mutex mutex;
bool recording = false;           // guarded by mutex
bool locks_fail = false;          // guarded by mutex
bool unnamed_files_fail = false;  // guarded by mutex
std::vector<std::string> calls;   // guarded by mutex

void Note(const char* what, int fd) {
  const std::scoped_lock lock(mutex);
  if (!recording) return;
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t size = ::readlink(link.c_str(), path.data(), path.size());
  calls.push_back(std::string(what) + " " +
                  std::string(path.data(), size > 0 ? static_cast<std::size_t>(size) : 0));
}

}  // namespace

SystemCalls::SystemCalls() {
  const std::scoped_lock lock(mutex);
  calls.clear();
  recording = true;
}

SystemCalls::~SystemCalls() {
  const std::scoped_lock lock(mutex);
  recording = locks_fail = unnamed_files_fail = false;
}

void SystemCalls::FailLocks() {
  const std::scoped_lock lock(mutex);
  locks_fail = true;
}

void SystemCalls::FailUnnamedFiles() {
  const std::scoped_lock lock(mutex);
  unnamed_files_fail = true;
}

std::vector<std::string> SystemCalls::All() const {
  const std::scoped_lock lock(mutex);
  return calls;
}

bool SystemCalls::Has(const std::string& call) const {
  const std::vector<std::string> all = All();
  return std::ranges::find(all, call) != all.end();
}

}  // namespace hashpost

extern "C" {

int fsync(int fd) {
  hashpost::Note("sync", fd);
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

int fdatasync(int fd) {
  hashpost::Note("sync", fd);
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}

int openat(int folder, const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = va_arg(rest, unsigned);
  va_end(rest);
  if ((flags & hashpost::kUnnamed) != 0) {
    const std::scoped_lock lock(hashpost::mutex);
    if (hashpost::unnamed_files_fail) {
      errno = EOPNOTSUPP;
      return -1;
    }
  }
  return static_cast<int>(::syscall(SYS_openat, folder, path, flags, mode));
}

int flock(int fd, int operation) noexcept {
  {
    const std::scoped_lock lock(hashpost::mutex);
    if (hashpost::locks_fail) {
      errno = ENOLCK;
      return -1;
    }
  }
  return static_cast<int>(::syscall(SYS_flock, fd, operation));
}

int posix_fadvise(int fd, off_t offset, off_t size, int advice) noexcept {
  if (advice == POSIX_FADV_DONTNEED) hashpost::Note("drop", fd);
  return ::syscall(SYS_fadvise64, fd, offset, size, advice) == 0 ? 0 : errno;
}

}  // extern "C"
