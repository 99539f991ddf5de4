// RandomAccess: bytes that can be read from any place, and again. One thread uses one object at a time.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hashpost::io {

class RandomAccess {
 public:
  virtual ~RandomAccess() = default;

  // Fills the front of `buffer` (1 byte or more) with the bytes from `offset` on and returns how many; 0
  // means that the end is not behind `offset`. Throws what the implementation documents.
  [[nodiscard]] virtual std::size_t ReadAt(std::uint64_t offset, std::span<char> buffer) = 0;
};

// A file behind a descriptor, which stays the caller's and open; its file position is neither used nor moved.
class FileContent : public RandomAccess {
 public:
  explicit FileContent(int fd) : fd_(fd) {}

  // Throws std::system_error.
  [[nodiscard]] std::size_t ReadAt(std::uint64_t offset, std::span<char> buffer) override;

 private:
  const int fd_;
};

}  // namespace hashpost::io
