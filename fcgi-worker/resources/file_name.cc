#include "fcgi-worker/resources/file_name.h"

#include <algorithm>

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

// C0 and DEL are one byte; C1 (U+0080 to U+009F) is C2 80 to C2 9F in UTF-8.
bool HasControlCharacter(std::string_view utf8) {
  unsigned char before = 0;
  return std::any_of(utf8.begin(), utf8.end(), [&](char byte) {
    const auto value = static_cast<unsigned char>(byte);
    const bool is_c1 = before == 0xC2 && value < 0xA0;
    before = value;
    return value < 0x20 || value == 0x7F || is_c1;
  });
}

}  // namespace

std::string CheckedFileName(std::string_view name) {
  if (name.empty()) Refuse("is missing");
  if (name.size() > kMaxFileNameBytes) Refuse("is over " + std::to_string(kMaxFileNameBytes) + " bytes long");
  if (name.find('/') != std::string_view::npos) Refuse("has a slash in it");
  if (name.front() == '.') Refuse("begins with a dot");
  if (!json::IsUtf8(name)) Refuse("is not UTF-8");
  if (HasControlCharacter(name)) Refuse("has a control character in it");
  return std::string(name);
}

}  // namespace hashpost::resources
