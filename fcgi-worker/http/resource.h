// Resource: what answers at one path. The router finds it, refuses methods that it does not allow, answers
// OPTIONS, and turns what it throws into an answer. Thread-safe: one object serves all requests.

#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "fcgi-worker/http/exchange.h"
#include "fcgi-worker/http/problem.h"
#include "fcgi-worker/http/request.h"
#include "fcgi-worker/http/response.h"

namespace hashpost::http {

class Resource {
 public:
  virtual ~Resource() = default;

  // The value of the Allow field, such as "GET, HEAD, OPTIONS"; the view lives as long as the resource.
  [[nodiscard]] virtual std::string_view Allow() const = 0;

  // The value of the Accept-Post field; empty if POST is not allowed.
  [[nodiscard]] virtual std::string_view AcceptPost() const { return {}; }

  // Whether the response to a request will be so big that making it would keep small requests waiting. Asked
  // by the router, before the method is known to be allowed; throws nothing.
  [[nodiscard]] virtual bool HasBigResponse(const Request& /*request*/) const noexcept { return false; }

  // Answers one of the allowed methods: returns the answer, or takes `exchange` to answer later and returns
  // nullopt. Throws HttpError for what the client did wrong, StoreError and others for what failed here.
  [[nodiscard]] virtual std::optional<Response> Handle(std::unique_ptr<Exchange>& exchange) = 0;

  // How a request for this resource is told of a problem.
  [[nodiscard]] virtual Response Tell(const Problem& problem) const { return ToResponse(problem); }
};

}  // namespace hashpost::http
