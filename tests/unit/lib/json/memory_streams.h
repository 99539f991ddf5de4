// Byte streams over memory, for tests: a source that hands out its text in pieces of a chosen size, and a
// sink that collects. One thread.

#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "lib/io/byte_stream.h"

namespace hashpost::io {

class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::string_view text, std::size_t piece = SIZE_MAX) : text_(text), piece_(piece) {}

  std::size_t Read(std::span<char> buffer) override {
    const std::size_t size = std::min({buffer.size(), piece_, text_.size()});
    if (size > 0) std::memcpy(buffer.data(), text_.data(), size);
    text_.remove_prefix(size);
    return size;
  }

  [[nodiscard]] std::size_t Left() const { return text_.size(); }

 private:
  std::string_view text_;
  const std::size_t piece_;
};

class MemorySink : public ByteSink {
 public:
  void Write(std::string_view bytes) override {
    text += bytes;
    largest_piece = std::max(largest_piece, bytes.size());
  }

  std::string text;
  std::size_t largest_piece = 0;
};

}  // namespace hashpost::io
