// Feeds arbitrary bytes to lib/json and checks what must hold whatever they are. Corpus: corpus/json_fuzz.

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "lib/json/json.h"
#include "lib/utf8/utf8.h"
#include "tests/fuzz/require.h"
#include "tests/unit/lib/json/memory_streams.h"

namespace {

using hashpost::Require;
using hashpost::io::MemorySink;
using hashpost::io::MemorySource;
using namespace hashpost;
using namespace hashpost::json;

std::variant<std::string, ParseFault> Read(std::string_view text, std::size_t piece) {
  MemorySource source(text, piece);
  return ReadStringMember(source, "message", Limits{.max_value_bytes = 64, .max_depth = 8});
}

// What is written is as long as foretold, the same by both ways, and read back.
void CheckWriting(std::string_view utf8) {
  MemorySink sink;
  sink.Write("{\"message\":");
  const std::size_t before = sink.text.size();
  WriteString(sink, utf8, StringSize(utf8));
  Require(sink.text.size() - before == StringSize(utf8));
  std::string appended;
  AppendString(appended, utf8);
  Require(appended == sink.text.substr(before));
  sink.Write("}");
  MemorySource source(sink.text, 7);
  const auto outcome = ReadStringMember(source, "message", Limits{.max_value_bytes = utf8.size()});
  Require(std::get<std::string>(outcome) == utf8);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  // Where the pieces of the stream end changes nothing, except how an offending byte order mark is worded.
  const auto whole = Read(text, SIZE_MAX);
  const auto in_pieces = Read(text, 1 + size % 5);
  Require(whole.index() == in_pieces.index());
  if (const auto* value = std::get_if<std::string>(&whole)) {
    Require(*value == std::get<std::string>(in_pieces) && utf8::IsValid(*value) && value->size() <= 64);
    Require(utf8::IsValid(text));  // nothing outside a string is anything but ASCII
    CheckWriting(*value);
  } else {
    const auto& fault = std::get<ParseFault>(whole);
    Require(fault.fault == std::get<ParseFault>(in_pieces).fault && utf8::IsValid(fault.sentence));
  }

  const std::string printable = utf8::Printable(text, 100);
  Require(utf8::IsValid(printable) && printable.size() <= 100);
  const std::string all = utf8::Printable(text, SIZE_MAX);
  Require(!utf8::HasHiddenCharacter(all) && utf8::Printable(all, SIZE_MAX) == all);
  CheckWriting(all);
  if (utf8::IsValid(text)) {
    const bool is_plain = std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
    Require(!is_plain || utf8::Printable(text, SIZE_MAX) == text);
    CheckWriting(text);
  }
  return 0;
}
