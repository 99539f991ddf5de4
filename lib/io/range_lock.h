// Open file description locks (fcntl(2)) on ranges of bytes: the kernel gives them back when the description
// closes, however its process ends. Thread-safe: no state.

#pragma once

#include <fcntl.h>

#include <cerrno>
#include <optional>

namespace hashpost::io {

struct ByteRange {
  off_t start;
  off_t length;  // 0: to the end
};

// F_RDLCK, F_WRLCK or F_UNLCK on `range`; `command` is F_OFD_SETLK, or F_OFD_SETLKW to wait. False: errno
// says why.
inline bool LockRange(int fd, short type, const ByteRange& range, int command) {
  struct flock lock {
    .l_type = type, .l_whence = SEEK_SET, .l_start = range.start, .l_len = range.length, .l_pid = 0
  };
  int result = 0;
  while ((result = ::fcntl(fd, command, &lock)) != 0 && errno == EINTR) {
  }
  return result == 0;
}

// Whether another description holds any lock there. nullopt: errno says why it cannot be told.
inline std::optional<bool> IsRangeLocked(int fd, const ByteRange& range) {
  struct flock lock {
    .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = range.start, .l_len = range.length, .l_pid = 0
  };
  if (::fcntl(fd, F_OFD_GETLK, &lock) != 0) return std::nullopt;
  return lock.l_type != F_UNLCK;
}

}  // namespace hashpost::io
