#include "lib/utf8/utf8.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace hashpost::utf8 {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// The size of the UTF-8 sequence at the front of `text` (not empty), or 0 if it begins with no such sequence:
// RFC 3629, section 4.
std::size_t SequenceSize(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  const std::size_t size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (text.size() < size) return 0;
  // The second byte leaves out longer forms than needed, surrogates, and what is above U+10FFFF.
  const auto second = static_cast<unsigned char>(text[1]);
  const unsigned char lowest = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned char highest = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (second < lowest || second > highest) return 0;
  for (const char byte : text.substr(2, size - 2)) {
    if ((static_cast<unsigned char>(byte) & 0xC0U) != 0x80) return 0;
  }
  return size;
}

// How many bytes of ASCII stand at the front of `text`; looks at eight at a time.
std::size_t AsciiPrefix(std::string_view text) {
  std::size_t size = 0;
  while (text.size() - size >= sizeof(std::uint64_t)) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + size, sizeof word);
    if ((word & 0x8080808080808080U) != 0) break;
    size += sizeof word;
  }
  while (size < text.size() && static_cast<unsigned char>(text[size]) < 0x80) ++size;
  return size;
}

// Whether a terminal or an editor obeys `character` rather than showing it: Unicode's Cc, Zl and Zp, and the
// characters of Cf that have no width or set the direction of writing (UAX #9).
bool IsObeyed(char32_t character) {
  struct CharacterRange {
    char32_t first, last;
  };
  static constexpr std::array<CharacterRange, 11> kObeyed = {{{0x00, 0x1F},
                                                              {0x7F, 0x9F},
                                                              {0xAD, 0xAD},
                                                              {0x61C, 0x61C},
                                                              {0x180E, 0x180E},
                                                              {0x200B, 0x200F},
                                                              {0x2028, 0x202E},
                                                              {0x2060, 0x206F},
                                                              {0xFEFF, 0xFEFF},
                                                              {0xFFF9, 0xFFFB},
                                                              {0xE0000, 0xE007F}}};
  return std::any_of(kObeyed.begin(), kObeyed.end(), [&](const CharacterRange& range) {
    return range.first <= character && character <= range.last;
  });
}

// The character that a valid `sequence` of UTF-8 stands for.
char32_t Decode(std::string_view sequence) {
  static constexpr std::array<unsigned char, 5> kFirstBits = {0, 0x7F, 0x1F, 0x0F, 0x07};
  char32_t character = static_cast<unsigned char>(sequence.front()) & kFirstBits[sequence.size()];
  for (const char byte : sequence.substr(1))
    character = character << 6U | (static_cast<unsigned char>(byte) & 0x3FU);
  return character;
}

}  // namespace

bool IsValid(std::string_view text) {
  for (;;) {
    text.remove_prefix(AsciiPrefix(text));
    // Text in other scripts has runs of such sequences: stay here until the next ASCII byte.
    do {
      if (text.empty()) return true;
      const std::size_t size = SequenceSize(text);
      if (size == 0) return false;
      text.remove_prefix(size);
    } while (!text.empty() && static_cast<unsigned char>(text.front()) >= 0x80);
  }
}

bool HasHiddenCharacter(std::string_view utf8) {
  constexpr char32_t kNonJoiner = 0x200C;
  constexpr char32_t kJoiner = 0x200D;
  while (!utf8.empty()) {
    const std::size_t size = std::max<std::size_t>(SequenceSize(utf8), 1);
    const char32_t character = Decode(utf8.substr(0, size));
    if (IsObeyed(character) && character != kNonJoiner && character != kJoiner) return true;
    utf8.remove_prefix(size);
  }
  return false;
}

std::string Printable(std::string_view text, std::size_t max_bytes) {
  std::string printable;
  bool in_bad_run = false;
  while (!text.empty()) {
    const std::size_t size = SequenceSize(text);
    const bool is_bad = size == 0 || IsObeyed(Decode(text.substr(0, size)));
    const std::string_view piece = is_bad ? kReplacement : text.substr(0, size);
    if (!is_bad || !in_bad_run) {
      if (printable.size() + piece.size() > max_bytes) break;
      printable += piece;
    }
    in_bad_run = is_bad;
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return printable;
}

}  // namespace hashpost::utf8
