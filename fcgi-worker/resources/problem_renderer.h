// ProblemRenderer: the one place that turns an exception into an answer, for requests answered at once and
// for those that a commit answers later.

#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>

#include "fcgi-worker/http/problem.h"
#include "fcgi-worker/http/response.h"

namespace hashpost::resources {

class ProblemRenderer {
 public:
  // `on_broken` is told, with the reason, when the store cannot be trusted any more; it should end the
  // process soon, and may be called from any thread, more than once.
  explicit ProblemRenderer(std::function<void(const std::string&)> on_broken)
      : on_broken_(std::move(on_broken)) {}

  // The answer for `error`, as docs/http-api.md lists it; logs what the operator should know.
  [[nodiscard]] http::Response Answer(const std::exception_ptr& error) const {
    return http::ToResponse(Explain(error));
  }

  // The same as a problem, for answers that hold several.
  [[nodiscard]] http::Problem Explain(const std::exception_ptr& error) const;

 private:
  // One line a second at most for what fails each request while it lasts, with the number left out.
  class Throttled {
   public:
    void Log(const char* message);

   private:
    std::atomic<std::int64_t> silent_until_{0};  // steady milliseconds
    std::atomic<std::uint64_t> left_out_{0};
  };

  std::function<void(const std::string&)> on_broken_;
  mutable Throttled full_;
  mutable Throttled unavailable_;
  mutable Throttled damaged_;
};

}  // namespace hashpost::resources
