// GET /problems/<name>: a page for people that lists every problem type, whichever is asked for.

#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "fcgi-worker/http/resource.h"

namespace hashpost::resources {

class ProblemsPage : public http::Resource {
 public:
  static constexpr std::string_view kPath = "/problems/";

  [[nodiscard]] std::string_view Allow() const override { return "GET, HEAD, OPTIONS"; }
  [[nodiscard]] std::optional<http::Response> Handle(std::unique_ptr<http::Exchange>& exchange) override;
};

}  // namespace hashpost::resources
