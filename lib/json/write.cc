// JSON strings (RFC 8259 §7) as RapidJSON's Writer spells them: `\"`, `\\`, the short escapes, else \u00XX.

#include <array>
#include <cstddef>

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

constexpr std::size_t kChunk = 64;

// Whether a byte of the kChunk bytes at `bytes` has to be escaped. Without a branch in the loop, so that the
// compiler looks at 16 bytes at once.
bool NeedsEscape(const char* bytes) {
  unsigned char found = 0;
  for (std::size_t i = 0; i < kChunk; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    found |= static_cast<unsigned char>(byte < 0x20) | static_cast<unsigned char>(byte == '"') |
             static_cast<unsigned char>(byte == '\\');
  }
  return found != 0;
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

}  // namespace

std::size_t StringSize(std::string_view utf8) {
  std::size_t size = utf8.size() + 2;
  std::size_t at = 0;
  for (; utf8.size() - at >= kChunk; at += kChunk) {
    if (!NeedsEscape(utf8.data() + at)) continue;
    for (const char byte : utf8.substr(at, kChunk)) size += Extra(byte);
  }
  for (const char byte : utf8.substr(at)) size += Extra(byte);
  return size;
}

void WriteString(io::ByteSink& sink, std::string_view utf8, std::size_t size) {
  // Most messages are plain, and RapidJSON goes byte by byte.
  if (size == utf8.size() + 2) {
    sink.Write("\"");
    sink.Write(utf8);
    sink.Write("\"");
  } else {
    BufferedOutput output(sink);
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
