#include "lib/io/file_source.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace hashpost::io {

std::size_t FileSource::Read(std::span<char> buffer) {
  ssize_t count = 0;
  do {
    count = ::pread(fd_, buffer.data(), buffer.size(), static_cast<off_t>(position_));
  } while (count < 0 && errno == EINTR);
  if (count < 0) throw std::system_error(errno, std::system_category(), "A file cannot be read");
  position_ += static_cast<std::uint64_t>(count);
  return static_cast<std::size_t>(count);
}

}  // namespace hashpost::io
