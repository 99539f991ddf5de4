// Which names in INPUT_DIR are files to send, and under which name each is uploaded. Pure; thread-safe.

#pragma once

#include <string>
#include <string_view>
#include <variant>

namespace hashpost::sender {

// Whether the sender takes `name` for its own business: *.json, but nothing hidden (a dot in front), since
// whoever writes a file in two steps hides it so until it is whole.
[[nodiscard]] bool IsInput(std::string_view name);

// Whether `name` would be an input if its ending were in small letters: books.JSON. It is not taken, since it
// would share a target with books.json.
[[nodiscard]] bool IsAlmostInput(std::string_view name);

// What the receiver is asked to call it: `name` without ".json". So no two names share a target, and for a
// name with one dot it is what stands before it: books.json becomes books, a.b.json becomes a.b.
struct Target {
  std::string name;
};
struct BadName {
  std::string sentence;  // what is wrong, what to do
};
// `name` is one for which IsInput holds.
[[nodiscard]] std::variant<Target, BadName> TargetOf(std::string_view name);

// `name` as one segment of a URL's path (RFC 3986 §2.1): all but unreserved characters as %XX.
[[nodiscard]] std::string PercentEncode(std::string_view name);

}  // namespace hashpost::sender
