// Route: what becomes of a request, decided once, from its head alone, before any of its content is read.

#pragma once

#include <memory>
#include <string_view>

#include "fcgi-worker/http/exchange.h"
#include "fcgi-worker/http/problem.h"
#include "fcgi-worker/http/response.h"

namespace hashpost::http {

// The threads a request runs on.
enum class Lane : unsigned char {
  kOrdinary,  // the I/O threads if it is small and waits for nobody, else a capped pool
  kBulk,      // a pool of its own: the content may be endless, and the response is written meanwhile
  kUpload,    // another one, for the file drop
};

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
