#include "fcgi-worker/drop/file_name.h"

#include "fcgi-worker/http/problem.h"
#include "lib/utf8/utf8.h"

namespace hashpost::drop {
namespace {

[[noreturn]] void Refuse(const std::string& why) {
  throw http::HttpError(
      {400, "bad-file-name", "Bad file name",
       "The name in the path " + why + ": POST to /upload/NAME with a plain name, without .xml."});
}

}  // namespace

std::string CheckedFileName(std::string_view name) {
  if (name.empty()) Refuse("is missing");
  if (name.size() > kMaxFileNameBytes) Refuse("is over " + std::to_string(kMaxFileNameBytes) + " bytes long");
  if (name.find('/') != std::string_view::npos) Refuse("has a slash in it");
  if (name.front() == '.') Refuse("begins with a dot");
  if (!utf8::IsValid(name)) Refuse("is not UTF-8");
  if (utf8::HasHiddenCharacter(name)) Refuse("has a control character or an invisible one in it");
  return std::string(name);
}

}  // namespace hashpost::drop
