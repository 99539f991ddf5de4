// Media types and proactive content negotiation (RFC 9110 §8.3, §12.5.1). Thread-safe: no state.

#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hashpost::http {

struct MediaType {
  std::string essence;  // lower case, "type/subtype"
  std::string charset;  // lower case, without quotes; empty if not given
};

// Parses a Content-Type value; nullopt if it is not one, or names two charsets. Other parameters are
// ignored.
[[nodiscard]] std::optional<MediaType> ParseMediaType(std::string_view value);

// Which of `offers` (essences in order of our preference) serves an Accept value best: the highest quality
// wins, then the earlier offer; the most specific range that matches an offer decides its quality. No or an
// empty Accept takes the first offer. Ranges that cannot be parsed are passed over, and so are those with a
// parameter other than charset=utf-8, which no offer has. nullopt: none is acceptable (406).
[[nodiscard]] std::optional<std::size_t> Negotiate(std::optional<std::string_view> accept,
                                                   std::span<const std::string_view> offers);

}  // namespace hashpost::http
