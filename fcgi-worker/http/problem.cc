// Problem details for HTTP APIs (RFC 9457 §3).

#include "fcgi-worker/http/problem.h"

#include "lib/json/json.h"

namespace hashpost::http {
namespace {

void AppendMember(std::string& out, std::string_view name, std::string_view value) {
  json::AppendString(out, name);
  out += ':';
  json::AppendString(out, value);
}

}  // namespace

Response ToResponse(const Problem& problem, std::string_view more) {
  // Sentences quote what clients sent, through json::Printable; this only makes sure that a slip stays JSON.
  const std::string repaired = json::IsUtf8(problem.err_msg)
                                   ? std::string()
                                   : json::Printable(problem.err_msg, problem.err_msg.size() * 3);
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

}  // namespace hashpost::http
