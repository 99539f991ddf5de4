// Feeds arbitrary bytes to what decides about file names at both ends of the drop: what the receiver takes is
// one visible file in its folder, and what the sender would send comes out of its URL unchanged. Corpus:
// corpus/file_name_fuzz.

#include <algorithm>
#include <string>
#include <variant>

#include "fcgi-worker/drop/file_name.h"
#include "fcgi-worker/http/problem.h"
#include "file-sender/naming.h"
#include "lib/utf8/utf8.h"
#include "tests/fuzz/require.h"

namespace {

using namespace hashpost;

bool Taken(std::string_view name) {
  try {
    Require(drop::CheckedFileName(name) == name);
    return true;
  } catch (const http::HttpError& error) {
    Require(error.problem().status == 400 && utf8::IsValid(error.problem().err_msg));
    return false;
  }
}

void CheckReceiver(std::string_view name) {
  if (!Taken(name)) return;
  Require(!name.empty() && name.size() <= drop::kMaxFileNameBytes && name.front() != '.');
  Require(name.find('/') == std::string_view::npos && utf8::IsValid(name));
  Require(std::all_of(name.begin(), name.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7F; }));
}

std::string PercentDecode(std::string_view text) {
  std::string decoded;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%') {
      decoded.push_back(static_cast<char>(std::stoi(std::string(text.substr(at + 1, 2)), nullptr, 16)));
      at += 2;
    } else {
      decoded.push_back(text[at]);
    }
  }
  return decoded;
}

void CheckSender(const std::string& name) {
  const std::string encoded = sender::PercentEncode(name);
  Require(PercentDecode(encoded) == name);
  Require(encoded.find_first_of("/?#\\ \r\n") == std::string::npos);
  if (!sender::IsInput(name)) return;
  const auto target = sender::TargetOf(name);
  if (const auto* bad = std::get_if<sender::BadName>(&target)) {
    Require(utf8::IsValid(bad->sentence));
    return;
  }
  const std::string& told = std::get<sender::Target>(target).name;
  Require(told + ".json" == name);
  // A file name has no slash: the kernel's business, not the sender's.
  Require(Taken(told) || told.find('/') != std::string::npos || told.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view name = Text(data, size);
  CheckReceiver(name);
  CheckSender(std::string(name));
  CheckSender(std::string(name) + ".json");
  return 0;
}
