// A text in memory that is read from any place, for tests and fuzz harnesses. One thread.

#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "lib/io/file_reader.h"

namespace hashpost::io {

class MemoryText : public RandomAccess {
 public:
  // Hands out at most `piece` bytes at once.
  explicit MemoryText(std::string_view text, std::size_t piece = SIZE_MAX) : text_(text), piece_(piece) {}

  std::size_t ReadAt(std::uint64_t offset, std::span<char> buffer) override {
    if (offset >= text_.size()) return 0;
    const std::string_view rest = text_.substr(offset);
    const std::size_t size = std::min({rest.size(), buffer.size(), piece_});
    std::memcpy(buffer.data(), rest.data(), size);
    return size;
  }

 private:
  const std::string_view text_;
  const std::size_t piece_;
};

}  // namespace hashpost::io
