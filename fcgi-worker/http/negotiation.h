// Media types, and proactive negotiation by Accept and Accept-Encoding (RFC 9110 §8.3, §12.5). The content
// coding itself is the web server's. Thread-safe: no state.

#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "fcgi-worker/http/request.h"

namespace hashpost::http {

struct MediaType {
  std::string essence;  // lower case, "type/subtype"
  std::string charset;  // lower case, without quotes; empty if not given

  // Whether text of this type is UTF-8 as far as it says: no charset, or utf-8, utf8 (what many clients
  // write), us-ascii.
  [[nodiscard]] bool IsUtf8() const;
};

// Parses a Content-Type value; nullopt if it is not one, or names two charsets. Other parameters are
// ignored.
[[nodiscard]] std::optional<MediaType> ParseMediaType(std::string_view value);

// Whether `value`, of a Content-Type field, starts with `essence` in any case and goes on with nothing but
// parameters, well-formed or not: the rule by which the web servers' configurations know a bulk upload.
[[nodiscard]] bool HasEssence(std::string_view value, std::string_view essence);

// Whether Content-Encoding names any coding but identity (RFC 9110 §8.4).
[[nodiscard]] bool HasContentCoding(const Request& request);

// Which of `offers` (essences in order of our preference) serves an Accept value best: the highest quality
// wins, then the earlier offer; the most specific range that matches an offer decides its quality. No or an
// empty Accept takes the first offer. Ranges that cannot be parsed are passed over, and so are those with a
// parameter other than charset=utf-8 or utf8, which no offer has. nullopt: none is acceptable (406).
[[nodiscard]] std::optional<std::size_t> Negotiate(std::optional<std::string_view> accept,
                                                   std::span<const std::string_view> offers);

// Whether a value of Accept-Encoding takes the content coding gzip: it, its old name x-gzip, or else "*" is
// listed with a weight above 0. An element that cannot be parsed takes nothing.
[[nodiscard]] bool AcceptsGzip(std::string_view accept_encoding);

// The tag that Apache and lighttpd give to the gzip coding of the representation that `etag` names.
[[nodiscard]] std::string GzipTag(std::string_view etag);

}  // namespace hashpost::http
