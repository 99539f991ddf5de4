// FileSource: a ByteSource over an open file, from its start, with a position of its own (pread(2)): any
// number of them may read one descriptor, one after the other or at once. One thread uses one object.

#pragma once

#include <cstdint>

#include "lib/io/byte_stream.h"

namespace hashpost::io {

class FileSource final : public ByteSource {
 public:
  // `fd` is a regular file open for reading. It stays the caller's and is not closed; it lives longer than
  // this.
  explicit FileSource(int fd) : fd_(fd) {}

  // Throws std::system_error if reading fails.
  [[nodiscard]] std::size_t Read(std::span<char> buffer) override;

 private:
  const int fd_;
  std::uint64_t position_ = 0;
};

}  // namespace hashpost::io
