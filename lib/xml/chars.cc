#include "lib/xml/chars.h"

#include <libxml/chvalid.h>

#include <algorithm>
#include <array>

namespace hashpost::xml {
namespace {

// Takes the first character from `text`, which is valid UTF-8 and not empty.
unsigned Take(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  unsigned character = size == 1 ? first : first & (0x7FU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    character = character << 6U | (static_cast<unsigned char>(text[i]) & 0x3FU);
  }
  text.remove_prefix(size);
  return character;
}

bool IsLetter(unsigned character) {
  return xmlIsBaseCharQ(character) || xmlIsIdeographicQ(character);
}

bool BeginsName(unsigned character) {
  return character == '_' || IsLetter(character);
}

bool ContinuesName(unsigned character) {
  return character == '-' || character == '.' || BeginsName(character) || xmlIsDigitQ(character) ||
         xmlIsCombiningQ(character) || xmlIsExtenderQ(character);
}

// Most names are ASCII, and their characters are looked up here.
enum AsciiClass : unsigned char { kNotInNames, kInside, kAnywhere };

AsciiClass Classify(char byte) {
  static const auto classes = [] {
    std::array<AsciiClass, 0x80> result{};
    for (unsigned i = 0; i < result.size(); ++i) {
      result[i] = BeginsName(i) ? kAnywhere : ContinuesName(i) ? kInside : kNotInNames;
    }
    return result;
  }();
  return classes[static_cast<unsigned char>(byte)];
}

bool IsAscii(char byte) {
  return static_cast<unsigned char>(byte) < 0x80;
}

}  // namespace

bool IsName(std::string_view text) {
  if (text.empty()) return false;
  if (IsAscii(text.front()) && Classify(text.front()) != kAnywhere) return false;
  for (bool first = true; !text.empty(); first = false) {
    if (IsAscii(text.front())) {
      if (Classify(text.front()) == kNotInNames) return false;
      text.remove_prefix(1);
    } else {
      const unsigned character = Take(text);
      if (first ? !BeginsName(character) : !ContinuesName(character)) return false;
    }
  }
  return true;
}

bool IsDigits(std::string_view text) {
  if (text.empty()) return false;
  while (!text.empty()) {
    const unsigned character = Take(text);  // (The macro names it more than once.)
    if (!xmlIsDigitQ(character)) return false;
  }
  return true;
}

std::size_t FindNonXml(std::string_view text) {
  static constexpr auto kSuspect = [] {
    std::array<bool, 256> suspect{};
    for (std::size_t i = 0; i < 0x20; ++i) suspect[i] = i != '\t' && i != '\n' && i != '\r';
    suspect[0xEF] = true;  // U+F000 to U+FFFF
    suspect[0xFF] = true;
    return suspect;
  }();
  const auto is_suspect = [](char byte) { return kSuspect[static_cast<unsigned char>(byte)]; };
  const auto* next = text.begin();
  while ((next = std::find_if(next, text.end(), is_suspect)) != text.end()) {
    const auto at = static_cast<std::size_t>(next - text.begin());
    const std::string_view three = text.substr(at, 3);
    if (*next != '\xEF' || three == "\xEF\xBF\xBE" || three == "\xEF\xBF\xBF") return at;
    ++next;
  }
  return text.size();
}

}  // namespace hashpost::xml
