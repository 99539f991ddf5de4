// Accept-Encoding (RFC 9110 §12.5.3), and the entity-tags of representations that a web server coded. The
// coding itself is the web server's. Thread-safe: no state.

#pragma once

#include <string>
#include <string_view>

namespace hashpost::http {

// Whether a value of Accept-Encoding takes the content coding gzip: it, its old name x-gzip, or else "*" is
// listed with a weight above 0. An element that cannot be parsed takes nothing.
[[nodiscard]] bool AcceptsGzip(std::string_view accept_encoding);

// The tag that Apache and lighttpd give to the gzip coding of the representation that `etag` names.
[[nodiscard]] std::string GzipTag(std::string_view etag);

}  // namespace hashpost::http
