#include "file-sender/naming.h"

#include <algorithm>

#include "lib/utf8/utf8.h"

namespace hashpost::sender {
namespace {

constexpr std::string_view kEnding = ".json";
constexpr std::size_t kMaxTargetBytes = 200;  // what the receiver takes, too

bool IsUnreserved(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

}  // namespace

bool IsInput(std::string_view name) {
  return name.size() > kEnding.size() && name.ends_with(kEnding) && name.front() != '.';
}

bool IsAlmostInput(std::string_view name) {
  if (name.size() <= kEnding.size() || name.front() == '.' || IsInput(name)) return false;
  return std::ranges::equal(name.substr(name.size() - kEnding.size()), kEnding, [](char a, char b) {
    return a == b || (a >= 'A' && a <= 'Z' && a - 'A' + 'a' == b);
  });
}

std::variant<Target, BadName> TargetOf(std::string_view name) {
  const std::string_view target = name.substr(0, name.size() - kEnding.size());
  if (target.size() > kMaxTargetBytes) {
    return BadName{"Its name is longer than 200 bytes (without .json); rename it."};
  }
  if (!utf8::IsValid(target)) return BadName{"Its name is not UTF-8; rename it."};
  if (utf8::HasHiddenCharacter(target)) {
    return BadName{"There is a control character or an invisible one in its name; rename it."};
  }
  return Target{std::string(target)};
}

std::string PercentEncode(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (IsUnreserved(byte)) {
      encoded.push_back(c);
    } else {
      encoded.append({'%', kDigits[byte >> 4U], kDigits[byte & 15U]});
    }
  }
  return encoded;
}

}  // namespace hashpost::sender
