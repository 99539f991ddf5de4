// Request: what the client asked (RFC 9110), as views into memory that the connection owns.
// Lives as long as the exchange it came with; one thread at a time.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "fcgi-worker/http/fields.h"
#include "lib/io/byte_stream.h"

namespace hashpost::http {

// The request's content. Read throws BodyIncomplete when the client went away or the content is shorter than
// Content-Length said; so 0 says that it came whole.
class BodyReader : public io::ByteSource {
 public:
  // Whether Read would return at once; waits up to `patience` for that.
  // False may be wrong for what came together with the bytes that were read last.
  [[nodiscard]] virtual bool Ready(std::chrono::milliseconds /*patience*/) { return true; }

  // From now on a Read for which nothing comes for `patience` (0: any time) throws BodyIncomplete.
  virtual void GiveUpAfter(std::chrono::milliseconds /*patience*/) {}
};

// What is left of a request's content when its answer is known is read within bounds: many clients, and all
// on HTTP/2, see no answer before they have sent everything.
struct PassOverLimits {
  std::uint64_t bytes = std::uint64_t{64} << 20U;
  std::chrono::milliseconds time{30'000};
};

// Reads and forgets what is left of `body`, within `limits`, and no more if it breaks off. The time is looked
// at when something comes, or if nothing comes for as long as that.
void PassOver(BodyReader& body, const PassOverLimits& limits) noexcept;

struct Request {
  std::string_view method;
  std::string_view path;  // decoded, starts with '/', without the query
  std::optional<std::uint64_t> content_length;
  Fields fields;
  BodyReader* body = nullptr;

  // The value of header field `name`, given in CGI spelling ("IF_NONE_MATCH"), with the values of several
  // lines joined by ", "; nullopt if it was not sent.
  [[nodiscard]] std::optional<std::string_view> Header(FieldName name) const { return fields.Get(name); }
};

}  // namespace hashpost::http
