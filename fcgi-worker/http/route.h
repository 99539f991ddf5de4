// Route: what becomes of a request, decided once, from its head alone, before any of its content is read.

#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "fcgi-worker/http/exchange.h"
#include "fcgi-worker/http/problem.h"
#include "fcgi-worker/http/response.h"

namespace hashpost::http {

// Contents up to this size are handled on the I/O threads, which must never wait for a slow peer: it is well
// under what a unix socket buffers.
inline constexpr std::size_t kInlineBytes = 64U << 10U;

// The threads a request runs on.
enum class Lane : unsigned char {
  kIoThread,     // it is small, and waits for nobody
  kBigRequest,   // a pool for requests whose content is big or may come slowly
  kBigResponse,  // a pool for those whose response is big
  kBulk,         // a pool of its own: the content may be endless, and the response is written meanwhile
  kUpload,       // another one, for the file drop
};

// The lane of a request that nothing but its content decides about. `content_has_come`: reading it waits for
// no client.
[[nodiscard]] inline Lane LaneOfContent(const Request& request, bool content_has_come) {
  const bool small =
      request.content_length ? *request.content_length <= kInlineBytes : request.method != "POST";
  return small && content_has_come ? Lane::kIoThread : Lane::kBigRequest;
}

// Answers the requests of one route. Thread-safe; outlives every request.
class Handler {
 public:
  virtual ~Handler() = default;

  // Answers, now or later.
  virtual void Handle(std::unique_ptr<Exchange> exchange) const noexcept = 0;

  // How a request of this route is told of a problem that is found before Handle.
  [[nodiscard]] virtual Response Tell(const Problem& problem) const = 0;
};

struct Route {
  Lane lane;
  const Handler* handler;
  std::string_view path;  // of the resource, for the log; "-" without one
};

}  // namespace hashpost::http
