// Base64 with padding (RFC 4648 §4 and §5): whole strings, and whole groups as the steps of a stream.
// Strict: what is decoded encodes back to the same text. Thread-safe.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hashpost::base64 {

enum class Alphabet {
  kStandard,  // §4: + and /
  kUrlSafe,   // §5: - and _
};

[[nodiscard]] std::string Encode(std::string_view bytes, Alphabet alphabet = Alphabet::kStandard);

// The bytes that `text` spells, or nullopt if it is not canonical base64: a foreign character, white space,
// wrong padding, or bits set that belong to no byte.
[[nodiscard]] std::optional<std::string> Decode(std::string_view text,
                                                Alphabet alphabet = Alphabet::kStandard);

// Writes the digits of `bytes`, a multiple of 3 of them, to `text`: 4 for each 3 bytes, no padding.
void EncodeGroups(std::string_view bytes, Alphabet alphabet, char* text);

// Writes the bytes that `text` spells, a multiple of 4 digits without padding, to `bytes`: 3 for each 4
// digits. False if a character is no digit of the alphabet; then what was written means nothing.
[[nodiscard]] bool DecodeGroups(std::string_view text, Alphabet alphabet, char* bytes);

}  // namespace hashpost::base64
