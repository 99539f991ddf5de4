// InputStream: RapidJSON's stream concept over a ByteSource, with one buffer and no allocation.
// RapidJSON takes '\0' for the end of the text, so AtEnd() tells the end from a NUL that was sent.
// Only for lib/json. One thread; lives no longer than its source.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "lib/io/byte_stream.h"

namespace hashpost::json {

class InputStream {
 public:
  using Ch = char;

  // Reads the first piece. Throws, here and in Take, what `source` throws.
  explicit InputStream(io::ByteSource& source) : source_(source) { Refill(); }
  InputStream(const InputStream&) = delete;
  InputStream& operator=(const InputStream&) = delete;

  [[nodiscard]] Ch Peek() const { return *next_; }

  Ch Take() {
    if (next_ == end_) return '\0';
    const Ch taken = *next_++;
    if (next_ == end_) Refill();
    return taken;
  }

  // How many bytes were taken.
  [[nodiscard]] std::size_t Tell() const {
    return before_buffer_ + static_cast<std::size_t>(next_ - buffer_.data());
  }

  [[nodiscard]] bool AtEnd() const { return next_ == end_; }

  // What is buffered up to the next byte that a string of JSON (RFC 8259 §7) cannot simply hold: a quotation
  // mark, a backslash, a control character. Valid until the next call of Take or Skip.
  [[nodiscard]] std::string_view PlainRun() const {
    const char* last = next_;
    while (last != end_ && IsPlain(*last)) ++last;
    return {next_, static_cast<std::size_t>(last - next_)};
  }

  // Takes `size` bytes, at most those of PlainRun().
  void Skip(std::size_t size) {
    next_ += size;
    if (next_ == end_) Refill();
  }

  // The next `size` bytes (at most kCapacity), or what is left. Valid until the next call of Take or Skip.
  [[nodiscard]] std::string_view Ahead(std::size_t size) {
    while (static_cast<std::size_t>(end_ - next_) < size && ReadMore()) {
    }
    return {next_, std::min(size, static_cast<std::size_t>(end_ - next_))};
  }

  // Whether `prefix`, no longer than what the first Read gave, stands next.
  [[nodiscard]] bool StartsWith(std::string_view prefix) const {
    return std::string_view(next_, static_cast<std::size_t>(end_ - next_)).starts_with(prefix);
  }

  // Writing in place is part of the concept, but only for in-situ parsing, which is not used.
  Ch* PutBegin() { return nullptr; }
  void Put(Ch) {}
  void Flush() {}
  std::size_t PutEnd(Ch*) { return 0; }

 private:
  static constexpr std::size_t kCapacity = 8192;

  static bool IsPlain(char byte) {
    static constexpr auto kPlain = [] {
      std::array<bool, 256> plain{};
      for (std::size_t i = 0x20; i < plain.size(); ++i) plain[i] = i != '"' && i != '\\';
      return plain;
    }();
    return kPlain[static_cast<unsigned char>(byte)];
  }

  void Refill() {
    before_buffer_ += static_cast<std::size_t>(end_ - buffer_.data());
    next_ = end_ = buffer_.data();  // stays so if Read throws
    end_ += source_.Read({buffer_.data(), kCapacity});
    *end_ = '\0';  // what Peek shows at the end
  }

  // Behind what is left, which goes to the front. False: that was all.
  bool ReadMore() {
    const auto left = static_cast<std::size_t>(end_ - next_);
    before_buffer_ += static_cast<std::size_t>(next_ - buffer_.data());
    std::memmove(buffer_.data(), next_, left);
    next_ = buffer_.data();
    end_ = buffer_.data() + left;
    *end_ = '\0';
    const std::size_t size = source_.Read({end_, kCapacity - left});
    end_ += size;
    *end_ = '\0';
    return size > 0;
  }

  io::ByteSource& source_;
  std::array<char, kCapacity + 1> buffer_;
  const char* next_ = buffer_.data();
  char* end_ = buffer_.data();
  std::size_t before_buffer_ = 0;
};

}  // namespace hashpost::json
