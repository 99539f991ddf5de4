// Router: the one place that decides what becomes of a request (http/route.h), from its method, path and
// media type; and the only catch around a request.

#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "fcgi-worker/http/resource.h"
#include "fcgi-worker/http/route.h"
#include "fcgi-worker/resources/problem_renderer.h"

namespace hashpost {

class Router {
 public:
  // `renderer` must outlive the router.
  explicit Router(const resources::ProblemRenderer& renderer)
      : renderer_(renderer), nothing_("-", nullptr, renderer) {}

  // `path` ends with '/' and is longer than that: all below it; else that path alone. Earlier routes win.
  // `resource` must outlive the router. Add all routes before the first request.
  void Add(std::string path, http::Resource& resource) {
    entries_.emplace_back(std::move(path), &resource, renderer_);
  }

  // The same for a POST whose Content-Type is one of `media_types` (none: any), whose content may be endless:
  // it runs in `lane`.
  void AddStream(std::string path, std::span<const std::string_view> media_types, http::Lane lane,
                 http::Resource& resource) {
    entries_.emplace_back(std::move(path), &resource, renderer_, Stream{media_types, lane});
  }

  // `content_has_come`: reading the content waits for no client. Thread-safe; throws nothing. The handler
  // lives as long as the router.
  [[nodiscard]] http::Route Find(const http::Request& request, bool content_has_come) const;

 private:
  struct Stream {
    std::span<const std::string_view> media_types;
    http::Lane lane;
  };

  // A path and its resource; without one it answers 404.
  class PathRoute : public http::Handler {
   public:
    PathRoute(std::string path, http::Resource* resource, const resources::ProblemRenderer& renderer,
              std::optional<Stream> stream = std::nullopt)
        : path_(std::move(path)), resource_(resource), renderer_(renderer), stream_(stream) {}
    [[nodiscard]] bool Covers(const http::Request& request) const;
    [[nodiscard]] http::Route RouteOf(const http::Request& request, bool content_has_come) const;
    void Handle(std::unique_ptr<http::Exchange> exchange) const noexcept override;
    [[nodiscard]] http::Response Tell(const http::Problem& problem) const override;

   private:
    [[nodiscard]] std::optional<http::Response> Dispatch(std::unique_ptr<http::Exchange>& exchange) const;

    const std::string path_;
    http::Resource* const resource_;
    const resources::ProblemRenderer& renderer_;
    const std::optional<Stream> stream_;
  };

  const resources::ProblemRenderer& renderer_;
  const PathRoute nothing_;
  std::deque<PathRoute> entries_;
};

}  // namespace hashpost
