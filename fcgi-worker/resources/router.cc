#include "fcgi-worker/resources/router.h"

#include <exception>
#include <optional>
#include <utility>

#include "fcgi-worker/http/problem.h"
#include "fcgi-worker/http/standard_problems.h"

namespace hashpost::resources {
namespace {

// Whether the comma-separated `allow` has `method` as an item.
bool Allows(std::string_view allow, std::string_view method) {
  while (!allow.empty()) {
    const std::size_t comma = allow.find(", ");
    if (allow.substr(0, comma) == method) return true;
    if (comma == std::string_view::npos) break;
    allow.remove_prefix(comma + 2);
  }
  return false;
}

http::Response Options(const Resource& resource) {
  http::Response response;
  response.status = 204;
  response.headers.emplace_back("Allow", std::string(resource.Allow()));
  if (!resource.AcceptPost().empty()) {
    response.headers.emplace_back("Accept-Post", std::string(resource.AcceptPost()));
  }
  return response;
}

}  // namespace

Resource& Router::Find(std::string_view path) const {
  for (const Route& route : routes_) {
    const bool is_prefix = route.path.size() > 1 && route.path.ends_with('/');
    if (is_prefix ? path.starts_with(route.path) : path == route.path) return *route.resource;
  }
  throw http::HttpError(http::NotFound());
}

std::optional<http::Response> Router::Dispatch(std::unique_ptr<http::Exchange>& exchange) const {
  const http::Request& request = exchange->request();
  Resource& resource = Find(request.path);
  if (request.method == "OPTIONS") return Options(resource);
  if (!Allows(resource.Allow(), request.method)) {
    throw http::HttpError(http::MethodNotAllowed(request.method, resource.Allow()));
  }
  return resource.Handle(exchange);
}

void Router::Handle(std::unique_ptr<http::Exchange> exchange) const noexcept {
  try {
    std::optional<http::Response> response = Dispatch(exchange);
    if (response) exchange->Respond(std::move(*response));
  } catch (...) {
    // Whoever took the exchange answers it; then there is nobody here to tell.
    if (exchange) exchange->Respond(failure_.Answer(std::current_exception()));
  }
}

}  // namespace hashpost::resources
