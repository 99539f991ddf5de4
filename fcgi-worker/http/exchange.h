// Exchange: one request and the way back to whoever asked. Whoever holds it answers it, at once or later, on
// any one thread; destroying it unanswered is an internal error, which it answers with 500 itself.

#pragma once

#include "fcgi-worker/http/request.h"
#include "fcgi-worker/http/response.h"

namespace hashpost::http {

class Exchange {
 public:
  virtual ~Exchange() = default;

  // Valid as long as this object, and until Respond.
  [[nodiscard]] virtual const Request& request() const = 0;

  // Sends the answer, once; for HEAD without its content. A client that has gone away is nobody's error.
  virtual void Respond(Response response) noexcept = 0;
};

}  // namespace hashpost::http
