#include "file-sender/json_fault.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace hashpost::sender {
namespace {

struct TextPosition {
  std::uint64_t line = 1;
  std::uint64_t column = 1;  // in characters
  bool begins_line = true;   // nothing but white space stands before it on its line
};

TextPosition PlaceOf(io::RandomAccess& json, std::uint64_t offset) {
  TextPosition place;
  std::array<char, std::size_t{16} << 10U> piece;
  for (std::uint64_t at = 0; at < offset;) {
    const std::size_t wanted = std::min<std::uint64_t>(piece.size(), offset - at);
    const std::size_t size = json.ReadAt(at, std::span(piece).first(wanted));
    if (size == 0) break;
    for (const char byte : std::string_view(piece.data(), size)) {
      if (byte == '\n') {
        place = {.line = place.line + 1, .column = 1, .begins_line = true};
      } else if ((static_cast<unsigned char>(byte) & 0xC0U) != 0x80) {  // not inside of a character
        ++place.column;
        place.begins_line = place.begins_line && (byte == ' ' || byte == '\t' || byte == '\r');
      }
    }
    at += size;
  }
  return place;
}

// What the first bytes say of the encoding, if that is the fault.
std::optional<std::string> WrongEncoding(io::RandomAccess& json) {
  std::array<char, 4> bytes{'x', 'x', 'x', 'x'};
  std::size_t size = 0;
  while (size < bytes.size()) {
    const std::size_t more = json.ReadAt(size, std::span(bytes).subspan(size));
    if (more == 0) break;
    size += more;
  }
  const std::string_view front(bytes.data(), size);
  const auto is_wide = [&](bool little) {  // an ASCII character in 16 bits
    return size >= 2 && (front[0] == '\0') != little && (front[1] == '\0') == little;
  };
  if (front.starts_with("\xEF\xBB\xBF")) {
    return "The text starts with a byte order mark (BOM); save it as UTF-8 without one.";
  }
  if (front.starts_with("\xFF\xFE") || front.starts_with("\xFE\xFF") || is_wide(true) || is_wide(false)) {
    return "The text is UTF-16 (or UTF-32), and JSON is UTF-8; save it as UTF-8 without a byte order mark.";
  }
  return std::nullopt;
}

}  // namespace

std::string Explain(io::RandomAccess& json, const json::ParseFault& fault) {
  if (auto sentence = WrongEncoding(json)) return *std::move(sentence);
  const TextPosition place = PlaceOf(json, fault.offset);
  if (fault.has_second_value && place.begins_line && place.line > 1) {
    return "The text has a second value in line " + std::to_string(place.line) +
           ", as JSON Lines (NDJSON) has; send one JSON value: an array of them, or a file for each.";
  }
  std::string sentence = fault.sentence;
  const std::string byte = "byte " + std::to_string(fault.offset);
  const std::size_t at = sentence.rfind(byte);
  if (at == std::string::npos) return sentence;
  return sentence.replace(
      at, byte.size(),
      "line " + std::to_string(place.line) + ", column " + std::to_string(place.column) + " (" + byte + ")");
}

}  // namespace hashpost::sender
