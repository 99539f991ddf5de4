// Problem details (RFC 9457): every failure as application/problem+json, with the extension member `err_msg`
// that existing clients read, and HttpError, which carries one from a resource to the router.

#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fcgi-worker/http/response.h"

namespace hashpost::http {

struct Problem {
  int status;
  std::string_view slug;  // the last part of `type`: "/problems/<slug>"; the list is in docs/http-api.md
  std::string_view title;
  std::string err_msg;  // one sentence that says what to do; also `detail`
  std::vector<std::pair<std::string_view, std::string>> headers = {};  // such as Allow or Retry-After
};

// {"type":"/problems/<slug>","title":…,"status":…,"detail":…,"err_msg":…}; Cache-Control: no-store. `more`:
// members to follow, as JSON without braces ("\"msg\":\"…\"").
[[nodiscard]] Response ToResponse(const Problem& problem, std::string_view more = {});

// What the client did wrong, or must wait for. Thrown by the router, http/, resources/ and drop/;
// resources::ProblemRenderer makes the response of it.
class HttpError : public std::exception {
 public:
  explicit HttpError(Problem problem) : problem_(std::move(problem)) {}
  [[nodiscard]] const Problem& problem() const { return problem_; }
  [[nodiscard]] const char* what() const noexcept override { return problem_.err_msg.c_str(); }

 private:
  Problem problem_;
};

// The content ended before the length that was announced, or the connection broke. Apart from HttpError,
// since it is the FastCGI side that finds it.
class BodyIncomplete : public std::runtime_error {
 public:
  BodyIncomplete()
      : std::runtime_error("The content ended before the announced length: send the request again, whole.") {}
};

// The problems that more than one place answers with. The whole list is in docs/http-api.md.
[[nodiscard]] Problem Busy();            // 503: too much is going on in this worker
[[nodiscard]] Problem BrokenOff();       // 503: an upload ended before its end
[[nodiscard]] Problem InternalError();   // 500
[[nodiscard]] Problem HeaderTooLarge();  // 431
[[nodiscard]] Problem NotFound();        // 404: no such path
[[nodiscard]] Problem MethodNotAllowed(std::string_view method, std::string_view allow);  // 405

}  // namespace hashpost::http
