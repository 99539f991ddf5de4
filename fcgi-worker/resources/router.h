// Router: decides what becomes of a request (http/route.h) and holds the one catch of each.

#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fcgi-worker/http/route.h"
#include "fcgi-worker/resources/failure.h"
#include "fcgi-worker/resources/resource.h"

namespace hashpost::resources {

class Router {
 public:
  // `failure` must outlive the router.
  explicit Router(const Failure& failure) : failure_(failure), nothing_("-", nullptr, failure) {}

  // `path` ends with '/' and is longer than that: all below it; else that path alone. Earlier routes win.
  // `resource` must outlive the router. Add all routes before the first request.
  void Add(std::string path, Resource& resource) {
    entries_.emplace_back(std::move(path), &resource, failure_);
  }

  // Thread-safe. The handler lives as long as the router.
  [[nodiscard]] http::Route Find(const http::Request& request) const;

 private:
  // A path and its resource; without one it answers 404.
  class Entry : public http::Handler {
   public:
    Entry(std::string path, Resource* resource, const Failure& failure)
        : path_(std::move(path)), resource_(resource), failure_(failure) {}
    [[nodiscard]] bool Covers(std::string_view path) const;
    [[nodiscard]] http::Route RouteOf(const http::Request& request) const;
    void Handle(std::unique_ptr<http::Exchange> exchange) const noexcept override;
    [[nodiscard]] http::Response Tell(const http::Problem& problem) const override;

   private:
    [[nodiscard]] std::optional<http::Response> Dispatch(std::unique_ptr<http::Exchange>& exchange) const;

    const std::string path_;
    Resource* const resource_;
    const Failure& failure_;
  };

  const Failure& failure_;
  const Entry nothing_;
  std::deque<Entry> entries_;
};

}  // namespace hashpost::resources
