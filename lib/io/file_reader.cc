#include "lib/io/file_reader.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace hashpost::io {

std::size_t FileReader::ReadAt(std::uint64_t offset, std::span<char> buffer) {
  for (;;) {
    const ssize_t size = ::pread(fd_, buffer.data(), buffer.size(), static_cast<off_t>(offset));
    if (size >= 0) return static_cast<std::size_t>(size);
    if (errno != EINTR) throw std::system_error(errno, std::system_category(), "A file cannot be read");
  }
}

}  // namespace hashpost::io
