// Base64 (RFC 4648) by tables: two lookups for three bytes one way, four lookups the other way. OpenSSL's
// EVP_EncodeBlock and EVP_DecodeBlock know one alphabet, skip white space and are several times slower.

#include "lib/base64/base64.h"

#include <array>
#include <cstdint>

namespace hashpost::base64 {
namespace {

constexpr std::string_view kStandardDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlSafeDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Set in an entry of a character that is no digit; no value of four digits reaches it.
constexpr std::uint32_t kForeign = 1U << 31;

struct Tables {
  // The two digits of each 12 bits.
  std::array<std::array<char, 2>, 4096> digits;
  // For each place in a group of four: the value of each character, shifted to its place.
  std::array<std::array<std::uint32_t, 256>, 4> values;
};

constexpr Tables MakeTables(std::string_view digits) {
  Tables tables{};
  for (std::size_t i = 0; i < tables.digits.size(); ++i) {
    tables.digits[i] = {digits[i >> 6], digits[i & 63]};
  }
  for (std::size_t place = 0; place < 4; ++place) {
    tables.values[place].fill(kForeign);
    for (std::size_t value = 0; value < digits.size(); ++value) {
      tables.values[place][static_cast<unsigned char>(digits[value])] = static_cast<std::uint32_t>(value)
                                                                        << (6 * (3 - place));
    }
  }
  return tables;
}

constexpr Tables kStandardTables = MakeTables(kStandardDigits);
constexpr Tables kUrlSafeTables = MakeTables(kUrlSafeDigits);

const Tables& TablesOf(Alphabet alphabet) {
  return alphabet == Alphabet::kStandard ? kStandardTables : kUrlSafeTables;
}

}  // namespace

void EncodeGroups(std::string_view bytes, Alphabet alphabet, char* text) {
  const Tables& tables = TablesOf(alphabet);
  const auto* in = reinterpret_cast<const unsigned char*>(bytes.data());
  for (std::size_t groups = bytes.size() / 3; groups > 0; --groups, in += 3, text += 4) {
    const auto& first = tables.digits[static_cast<std::size_t>(in[0] << 4 | in[1] >> 4)];
    const auto& second = tables.digits[static_cast<std::size_t>((in[1] & 15) << 8 | in[2])];
    text[0] = first[0];
    text[1] = first[1];
    text[2] = second[0];
    text[3] = second[1];
  }
}

bool DecodeGroups(std::string_view text, Alphabet alphabet, char* bytes) {
  const Tables& tables = TablesOf(alphabet);
  const auto* in = reinterpret_cast<const unsigned char*>(text.data());
  std::uint32_t all = 0;  // looked at once, at the end: no branch for each group
  for (std::size_t groups = text.size() / 4; groups > 0; --groups, in += 4, bytes += 3) {
    const std::uint32_t value =
        tables.values[0][in[0]] | tables.values[1][in[1]] | tables.values[2][in[2]] | tables.values[3][in[3]];
    all |= value;
    bytes[0] = static_cast<char>(value >> 16);
    bytes[1] = static_cast<char>(value >> 8);
    bytes[2] = static_cast<char>(value);
  }
  return (all & kForeign) == 0;
}

std::string Encode(std::string_view bytes, Alphabet alphabet) {
  const std::size_t whole = bytes.size() / 3 * 3;
  const std::size_t rest = bytes.size() - whole;
  std::string text((bytes.size() + 2) / 3 * 4, '=');
  EncodeGroups(bytes.substr(0, whole), alphabet, text.data());
  if (rest == 0) return text;
  std::array<char, 3> last_bytes{};
  std::array<char, 4> last_digits;
  bytes.copy(last_bytes.data(), rest, whole);
  EncodeGroups({last_bytes.data(), last_bytes.size()}, alphabet, last_digits.data());
  for (std::size_t i = 0; i <= rest; ++i) text[whole / 3 * 4 + i] = last_digits[i];
  return text;
}

std::optional<std::string> Decode(std::string_view text, Alphabet alphabet) {
  if (text.size() % 4 != 0) return std::nullopt;
  if (text.empty()) return std::string();
  const std::size_t padding = text.back() != '=' ? 0 : text[text.size() - 2] != '=' ? 1 : 2;
  // The last group with zeros for its padding: then the bytes that it does not spell must be zero, too.
  std::array<char, 4> last_digits;
  last_digits.fill('A');
  text.copy(last_digits.data(), 4 - padding, text.size() - 4);
  std::string bytes(text.size() / 4 * 3, '\0');
  if (!DecodeGroups(text.substr(0, text.size() - 4), alphabet, bytes.data()) ||
      !DecodeGroups({last_digits.data(), 4}, alphabet, bytes.data() + bytes.size() - 3)) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < padding; ++i) {
    if (bytes.back() != '\0') return std::nullopt;
    bytes.pop_back();
  }
  return bytes;
}

}  // namespace hashpost::base64
