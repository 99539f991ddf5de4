// RandomAccess and FileReader: bytes that can be read from any place, and again; those of an open file.
// One thread uses one object at a time.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/io/byte_stream.h"

namespace hashpost::io {

class RandomAccess {
 public:
  virtual ~RandomAccess() = default;

  // Fills the front of `buffer` (1 byte or more) with the bytes from `offset` on and returns how many; 0
  // means that the end is not behind `offset`. Throws what the implementation documents.
  [[nodiscard]] virtual std::size_t ReadAt(std::uint64_t offset, std::span<char> buffer) = 0;
};

// A regular file behind a descriptor, which stays the caller's and open. Its position is neither used nor
// moved (pread(2)), so any number of readers may share it. Both functions throw std::system_error.
class FileReader final : public ByteSource, public RandomAccess {
 public:
  explicit FileReader(int fd) : fd_(fd) {}

  // From the start on.
  [[nodiscard]] std::size_t Read(std::span<char> buffer) override {
    const std::size_t size = ReadAt(next_, buffer);
    next_ += size;
    return size;
  }
  [[nodiscard]] std::size_t ReadAt(std::uint64_t offset, std::span<char> buffer) override;

 private:
  const int fd_;
  std::uint64_t next_ = 0;
};

}  // namespace hashpost::io
