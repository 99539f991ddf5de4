#include "fcgi-worker/http/standard_problems.h"

#include "lib/json/json.h"

namespace hashpost::http {

Problem Busy() {
  return {503,
          "busy",
          "Busy",
          "The service holds as many big messages or uploads as it may at once: try again in a second.",
          {{"Retry-After", "1"}}};
}

Problem BrokenOff() {
  return {503,
          "upload-broken-off",
          "Upload broken off",
          "The upload broke off before its end: send all of it again, which stores nothing twice.",
          {{"Retry-After", "1"}}};
}

Problem InternalError() {
  return {500,
          "internal-error",
          "Internal error",
          "The service failed on this request: try again, and tell its operator if it fails again.",
          {}};
}

Problem HeaderTooLarge() {
  return {431,
          "header-too-large",
          "Header too large",
          "The header fields of the request have more than 64 KiB in all: send fewer or shorter ones.",
          {}};
}

Problem NotFound() {
  return {404,
          "not-found",
          "No such path",
          "There is nothing at this path: POST to /messages, or GET /messages/<digest>.",
          {}};
}

Problem MethodNotAllowed(std::string_view method, std::string_view allow) {
  constexpr std::size_t kShown = 32;
  return {405,
          "method-not-allowed",
          "Method not allowed",
          "Method " + json::Printable(method, kShown) + " is not allowed here: use one of " +
              std::string(allow) + ".",
          {{"Allow", std::string(allow)}}};
}

}  // namespace hashpost::http
