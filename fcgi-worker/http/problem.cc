// Problem details for HTTP APIs (RFC 9457 §3).

#include "fcgi-worker/http/problem.h"

#include "lib/json/json.h"
#include "lib/utf8/utf8.h"

namespace hashpost::http {
namespace {

void AppendMember(std::string& out, std::string_view name, std::string_view value) {
  json::AppendString(out, name);
  out += ':';
  json::AppendString(out, value);
}

}  // namespace

Response ToResponse(const Problem& problem, std::string_view more) {
  // Sentences quote what clients sent, through utf8::Printable; this only makes sure that a slip stays JSON.
  const std::string repaired = utf8::IsValid(problem.err_msg)
                                   ? std::string()
                                   : utf8::Printable(problem.err_msg, problem.err_msg.size() * 3);
  const std::string_view sentence = repaired.empty() ? problem.err_msg : repaired;

  Response response;
  response.status = problem.status;
  response.headers.reserve(problem.headers.size() + 2);
  response.headers.emplace_back("Content-Type", "application/problem+json");
  response.headers.emplace_back("Cache-Control", "no-store");
  response.headers.insert(response.headers.end(), problem.headers.begin(), problem.headers.end());

  std::string& content = response.content;
  content += '{';
  AppendMember(content, "type", "/problems/" + std::string(problem.slug));
  AppendMember(content += ',', "title", problem.title);
  content += ",\"status\":" + std::to_string(problem.status);
  AppendMember(content += ',', "detail", sentence);
  AppendMember(content += ',', "err_msg", sentence);
  if (!more.empty()) content.append(",").append(more);
  content += '}';
  return response;
}

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
  return {500, "internal-error", "Internal error",
          "The service failed on this request: try again, and tell its operator if it fails again."};
}

Problem HeaderTooLarge() {
  return {431, "header-too-large", "Header too large",
          "The header fields of the request have more than 64 KiB in all: send fewer or shorter ones."};
}

Problem NotFound() {
  return {404, "not-found", "No such path",
          "There is nothing at this path: POST to /messages, or GET /messages/<digest>."};
}

Problem MethodNotAllowed(std::string_view method, std::string_view allow) {
  constexpr std::size_t kShown = 32;
  return {405,
          "method-not-allowed",
          "Method not allowed",
          "Method " + utf8::Printable(method, kShown) + " is not allowed here: use one of " +
              std::string(allow) + ".",
          {{"Allow", std::string(allow)}}};
}

}  // namespace hashpost::http
