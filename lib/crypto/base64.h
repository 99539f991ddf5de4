// Base64, the standard alphabet with padding (RFC 4648 §4). Thread-safe.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hashpost::crypto {

[[nodiscard]] std::string EncodeBase64(std::string_view bytes);

// The bytes that `text` spells, or nullopt if it is not canonical base64: a foreign character, white space,
// wrong padding, or bits set that belong to no byte.
[[nodiscard]] std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace hashpost::crypto
