#include "fcgi-worker/router.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "fcgi-worker/http/fields.h"
#include "fcgi-worker/http/negotiation.h"
#include "fcgi-worker/http/problem.h"

namespace hashpost {
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

http::Response Options(const http::Resource& resource) {
  http::Response response;
  response.status = 204;
  response.headers.emplace_back("Allow", std::string(resource.Allow()));
  if (!resource.AcceptPost().empty()) {
    response.headers.emplace_back("Accept-Post", std::string(resource.AcceptPost()));
  }
  return response;
}

}  // namespace

bool Router::PathRoute::Covers(const http::Request& request) const {
  const bool is_prefix = path_.size() > 1 && path_.ends_with('/');
  if (is_prefix ? !request.path.starts_with(path_) : request.path != path_) return false;
  if (!stream_) return true;
  if (request.method != "POST") return false;
  if (stream_->media_types.empty()) return true;
  const std::string_view type = request.Header("CONTENT_TYPE").value_or("");
  return std::any_of(stream_->media_types.begin(), stream_->media_types.end(),
                     [&](std::string_view essence) { return http::HasEssence(type, essence); });
}

http::Route Router::PathRoute::RouteOf(const http::Request& request, bool content_has_come) const {
  if (stream_) return {stream_->lane, this, path_};
  http::Lane lane = http::LaneOfContent(request, content_has_come);
  if (lane == http::Lane::kIoThread && resource_ != nullptr && resource_->HasBigResponse(request)) {
    lane = http::Lane::kBigResponse;
  }
  return {lane, this, path_};
}

std::optional<http::Response> Router::PathRoute::Dispatch(std::unique_ptr<http::Exchange>& exchange) const {
  const http::Request& request = exchange->request();
  if (resource_ == nullptr) throw http::HttpError(http::NotFound());
  http::CheckFields(request.fields);
  if (request.method == "OPTIONS") return Options(*resource_);
  if (!Allows(resource_->Allow(), request.method)) {
    throw http::HttpError(http::MethodNotAllowed(request.method, resource_->Allow()));
  }
  return resource_->Handle(exchange);
}

void Router::PathRoute::Handle(std::unique_ptr<http::Exchange> exchange) const noexcept {
  try {
    std::optional<http::Response> response = Dispatch(exchange);
    if (response) exchange->Respond(std::move(*response));
  } catch (...) {
    if (!exchange) return;  // whoever took it answers it; there is nobody here to tell
    exchange->Respond(Tell(renderer_.Explain(std::current_exception())));
  }
}

http::Response Router::PathRoute::Tell(const http::Problem& problem) const {
  return resource_ != nullptr ? resource_->Tell(problem) : http::ToResponse(problem);
}

http::Route Router::Find(const http::Request& request, bool content_has_come) const {
  for (const PathRoute& entry : entries_) {
    if (entry.Covers(request)) return entry.RouteOf(request, content_has_come);
  }
  return nothing_.RouteOf(request, content_has_come);
}

}  // namespace hashpost
