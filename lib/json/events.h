// ReadEvents: strict JSON (RFC 8259) of any size as a stream of events, without a tree. RapidJSON's SAX
// reader does the work, with what ReadStringMember (json.h) adds to it: a NUL, a byte order mark, too much
// depth and (unless it is accepted) half a surrogate pair are refused. Unlike there, repeated keys pass (that
// is the business of who listens). Numbers come as they are written. Thread-safe: no shared state.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "lib/io/byte_stream.h"
#include "lib/json/json.h"

namespace hashpost::json {

// Who listens. Views are valid during the call only. `end` is the position behind what the event tells, in
// bytes from the front of the text. What a function throws ends the reading and is passed on.
class Events {
 public:
  virtual ~Events() = default;

  virtual void Null(std::uint64_t end) = 0;
  virtual void Bool(bool value, std::uint64_t end) = 0;
  // As RFC 8259 §6 has it; or NaN, Infinity, -Infinity, if EventLimits accepts them.
  virtual void Number(std::string_view text, std::uint64_t end) = 0;
  virtual void String(std::string_view utf8, std::uint64_t end) = 0;
  virtual void StartObject(std::uint64_t end) = 0;
  virtual void Key(std::string_view utf8, std::uint64_t end) = 0;  // then its value
  virtual void EndObject(std::uint64_t end) = 0;
  virtual void StartArray(std::uint64_t end) = 0;
  virtual void EndArray(std::uint64_t end) = 0;
};

struct EventLimits {
  int max_depth;                 // objects and arrays inside one another
  std::size_t max_string_bytes;  // of a value, decoded
  std::size_t max_key_bytes;     // decoded
  std::size_t max_number_bytes;  // as written
  // An escape for half of a surrogate pair (\ud83d): String and Key get it as 0xFF (which UTF-8 does not
  // have) and its four hexadecimal digits in lower case.
  bool accept_halves = false;
  bool accept_nan = false;  // and Infinity and -Infinity, which are no JSON, but which Python writes
};

// Reads the one JSON text in `source`, to its end unless it is faulty, and tells `events` what is in it.
// Returns the first fault, of kind kMalformed, kNotUtf8, kTooDeep or kTooLong; the events up to there were
// told. Memory: up to twice the longest string, and never more than twice `max_string_bytes`.
// Throws what `source` and `events` throw, and bad_alloc.
[[nodiscard]] std::optional<ParseFault> ReadEvents(io::ByteSource& source, Events& events,
                                                   const EventLimits& limits);

}  // namespace hashpost::json
