// UTF-8 (RFC 3629) by RapidJSON's validating table, with a fast path for ASCII.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "lib/json/json.h"
#include "lib/json/rapidjson.h"

namespace hashpost::json {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// RapidJSON's stream concept over memory: past the end come NULs, which no multi-byte sequence contains.
struct MemoryStream {
  using Ch = char;
  Ch Take() { return next == end ? '\0' : *next++; }

  const char* next;
  const char* end;
};

struct NullOutput {
  void Put(char) {}
};

// The size of the UTF-8 sequence at the front of `text` (not empty), or 0 if there is none.
std::size_t SequenceSize(std::string_view text) {
  MemoryStream stream{text.data(), text.data() + text.size()};
  NullOutput nowhere;
  if (!rapidjson::UTF8<>::Validate(stream, nowhere)) return 0;
  return static_cast<std::size_t>(stream.next - text.data());
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
  struct Range {
    char32_t first, last;
  };
  static constexpr std::array<Range, 11> kObeyed = {{{0x00, 0x1F},
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
  return std::any_of(kObeyed.begin(), kObeyed.end(),
                     [&](const Range& range) { return range.first <= character && character <= range.last; });
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

bool IsUtf8(std::string_view text) {
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

}  // namespace hashpost::json
