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

bool Router::Entry::Covers(std::string_view path) const {
  const bool is_prefix = path_.size() > 1 && path_.ends_with('/');
  return is_prefix ? path.starts_with(path_) : path == path_;
}

http::Route Router::Entry::RouteOf(const http::Request& request) const {
  return {resource_ != nullptr ? resource_->LaneOf(request) : http::Lane::kOrdinary, this, path_};
}

std::optional<http::Response> Router::Entry::Dispatch(std::unique_ptr<http::Exchange>& exchange) const {
  const http::Request& request = exchange->request();
  if (resource_ == nullptr) throw http::HttpError(http::NotFound());
  http::CheckFields(request.fields);
  if (request.method == "OPTIONS") return Options(*resource_);
  if (!Allows(resource_->Allow(), request.method)) {
    throw http::HttpError(http::MethodNotAllowed(request.method, resource_->Allow()));
  }
  return resource_->Handle(exchange);
}

void Router::Entry::Handle(std::unique_ptr<http::Exchange> exchange) const noexcept {
  try {
    std::optional<http::Response> response = Dispatch(exchange);
    if (response) exchange->Respond(std::move(*response));
  } catch (...) {
    if (!exchange) return;  // whoever took it answers it; there is nobody here to tell
    exchange->Respond(Tell(failure_.Explain(std::current_exception())));
  }
}

http::Response Router::Entry::Tell(const http::Problem& problem) const {
  return resource_ != nullptr ? resource_->Tell(problem) : http::ToResponse(problem);
}

http::Route Router::Find(const http::Request& request) const {
  for (const Entry& entry : entries_) {
    if (entry.Covers(request.path)) return entry.RouteOf(request);
  }
  return nothing_.RouteOf(request);
}

}  // namespace hashpost::resources
