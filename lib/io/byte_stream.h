// ByteSource and ByteSink: the two ends of a stream of bytes, so that parsers and writers know nothing of
// sockets, files or FastCGI. Not thread-safe: one thread uses one stream at a time.

#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace hashpost::io {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Fills the front of `buffer` (1 byte or more) with the next bytes and returns how many; 0 means the end.
  // Blocks until at least one byte or the end is there. Throws what the implementation documents.
  [[nodiscard]] virtual std::size_t Read(std::span<char> buffer) = 0;
};

class ByteSink {
 public:
  virtual ~ByteSink() = default;

  // Takes all of `bytes` before it returns; the view is not kept.
  virtual void Write(std::string_view bytes) = 0;
};

// Writes all of `bytes` to the descriptor (write(2)). Throws std::system_error.
void WriteAll(int fd, std::string_view bytes);

}  // namespace hashpost::io
