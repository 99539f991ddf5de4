// Router: finds the resource of a path and holds the one catch of each request.

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fcgi-worker/http/exchange.h"
#include "fcgi-worker/resources/failure.h"
#include "fcgi-worker/resources/resource.h"

namespace hashpost::resources {

class Router {
 public:
  // `failure` must outlive the router.
  explicit Router(const Failure& failure) : failure_(failure) {}

  // `path` ends with '/' and is longer than that: all below it; else that path alone. Earlier routes win.
  // `resource` must outlive the router. Add all routes before the first request.
  void Add(std::string path, Resource& resource) { routes_.push_back({std::move(path), &resource}); }

  // Answers the request, or leaves that to its resource. Thread-safe.
  void Handle(std::unique_ptr<http::Exchange> exchange) const noexcept;

 private:
  struct Route {
    std::string path;
    Resource* resource;
  };
  [[nodiscard]] Resource* Find(std::string_view path) const;  // nullptr: there is none
  [[nodiscard]] static std::optional<http::Response> Dispatch(Resource* resource,
                                                              std::unique_ptr<http::Exchange>& exchange);

  const Failure& failure_;
  std::vector<Route> routes_;
};

}  // namespace hashpost::resources
