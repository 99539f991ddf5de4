// Strict JSON (RFC 8259) without a tree: pick one string member out of an object while it streams by, and
// write strings. RapidJSON's SAX reader does the work; what it lets through (lone surrogates, repeated
// members, a NUL after the value, a byte order mark) is refused here. Thread-safe: no shared state.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "lib/io/byte_stream.h"

namespace hashpost::json {

enum class Fault {
  kMalformed,    // not JSON
  kNotUtf8,      // invalid UTF-8, or an escape that spells half a surrogate pair
  kTooDeep,      // nested deeper than Limits::max_depth
  kNotAnObject,  // the value at the top is not an object
  kMissing,      // the object has no such member
  kDuplicate,    // it has the member twice
  kNotAString,   // the member's value is not a string
  kTooLong,      // the member's value is longer than Limits::max_value_bytes
};

struct ParseFault {
  Fault fault;
  std::string sentence;    // for the sender: what is wrong, where, what to do; shows nothing of the content
  std::size_t offset = 0;  // ReadEvents: in bytes, as in the sentence
  bool has_second_value = false;  // ReadEvents: the text is one JSON value, and something follows there
};

struct Limits {
  std::size_t max_value_bytes;  // of the wanted member, decoded
  int max_depth = 64;           // objects and arrays inside one another
};

// Reads the one JSON text in `source`, to its end unless it is faulty, and returns the string value of the
// top object's member `name`, decoded; `\u0000` is kept. Other members are checked and ignored.
// Memory: up to three times the longest string in the text. Throws only what `source` throws, and bad_alloc.
[[nodiscard]] std::variant<std::string, ParseFault> ReadStringMember(io::ByteSource& source,
                                                                     std::string_view name,
                                                                     const Limits& limits);

// How many bytes WriteString writes for `utf8`, quotes included.
[[nodiscard]] std::size_t StringSize(std::string_view utf8);

// Writes `utf8` (valid UTF-8) as a JSON string with its quotes; `size` is its StringSize. What has nothing to
// escape goes out from where it stands, all else in pieces of some kilobytes.
void WriteString(io::ByteSink& sink, std::string_view utf8, std::size_t size);

// The same, appended to `out`.
void AppendString(std::string& out, std::string_view utf8);

}  // namespace hashpost::json
