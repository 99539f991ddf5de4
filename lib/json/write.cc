// JSON strings (RFC 8259 §7) as RapidJSON's Writer spells them: `\"`, `\\`, the short escapes, else \u00XX.

#include <algorithm>
#include <array>

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

// How many bytes `byte` takes beyond its own one. Without branches, so that the compiler can count many at
// once.
std::size_t Extra(char byte) {
  const bool is_short = byte == '"' || byte == '\\' || byte == '\b' || byte == '\t' || byte == '\n' ||
                        byte == '\f' || byte == '\r';
  const bool is_control = static_cast<unsigned char>(byte) < 0x20;
  return is_short ? 1 : (is_control ? 5 : 0);
}

}  // namespace

std::size_t StringSize(std::string_view utf8) {
  std::size_t size = utf8.size() + 2;
  for (const char byte : utf8) size += Extra(byte);
  return size;
}

void WriteString(io::ByteSink& sink, std::string_view utf8) {
  BufferedOutput output(sink);
  Spell(output, utf8);
}

void AppendString(std::string& out, std::string_view utf8) {
  const std::size_t old_size = out.size();
  const std::size_t size = StringSize(utf8);
  if (size == utf8.size() + 2) {  // nothing to escape, which most messages are
    out.reserve(old_size + size);
    ((out += '"') += utf8) += '"';
    return;
  }
  out.resize(old_size + size);
  MemoryOutput output{out.data() + old_size};
  Spell(output, utf8);
}

}  // namespace hashpost::json
