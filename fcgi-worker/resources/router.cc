#include "fcgi-worker/resources/router.h"

#include <exception>
#include <optional>
#include <utility>

#include "fcgi-worker/http/fields.h"
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

Resource* Router::Find(std::string_view path) const {
  for (const Route& route : routes_) {
    const bool is_prefix = route.path.size() > 1 && route.path.ends_with('/');
    if (is_prefix ? path.starts_with(route.path) : path == route.path) return route.resource;
  }
  return nullptr;
}

std::optional<http::Response> Router::Dispatch(Resource* resource,
                                               std::unique_ptr<http::Exchange>& exchange) {
  const http::Request& request = exchange->request();
  if (resource == nullptr) throw http::HttpError(http::NotFound());
  http::CheckFields(request.fields);
  if (request.method == "OPTIONS") return Options(*resource);
  if (!Allows(resource->Allow(), request.method)) {
    throw http::HttpError(http::MethodNotAllowed(request.method, resource->Allow()));
  }
  return resource->Handle(exchange);
}

void Router::Handle(std::unique_ptr<http::Exchange> exchange) const noexcept {
  Resource* const resource = Find(exchange->request().path);
  try {
    std::optional<http::Response> response = Dispatch(resource, exchange);
    if (response) exchange->Respond(std::move(*response));
  } catch (...) {
    if (!exchange) return;  // whoever took it answers it; there is nobody here to tell
    const http::Problem problem = failure_.Explain(std::current_exception());
    exchange->Respond(resource != nullptr ? resource->Tell(problem) : http::ToResponse(problem));
  }
}

}  // namespace hashpost::resources
