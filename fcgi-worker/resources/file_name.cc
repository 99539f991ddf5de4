#include "fcgi-worker/resources/file_name.h"

#include "fcgi-worker/http/problem.h"
#include "lib/json/json.h"

namespace hashpost::resources {
namespace {

[[noreturn]] void Refuse(const std::string& why) {
  throw http::HttpError(
      {400,
       "bad-file-name",
       "Bad file name",
       "The name in the path " + why + ": POST to /upload/NAME with a plain name, without .xml.",
       {}});
}

}  // namespace

std::string CheckedFileName(std::string_view name) {
  if (name.empty()) Refuse("is missing");
  if (name.size() > kMaxFileNameBytes) Refuse("is over " + std::to_string(kMaxFileNameBytes) + " bytes long");
  if (name.find('/') != std::string_view::npos) Refuse("has a slash in it");
  if (name.front() == '.') Refuse("begins with a dot");
  if (!json::IsUtf8(name)) Refuse("is not UTF-8");
  if (json::HasHiddenCharacter(name)) Refuse("has a control character or an invisible one in it");
  return std::string(name);
}

}  // namespace hashpost::resources
