#include "lib/io/byte_stream.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace hashpost::io {

void WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw std::system_error(errno, std::system_category(), "writing fails");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace hashpost::io
