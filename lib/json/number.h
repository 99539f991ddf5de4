// The grammar of a JSON number (RFC 8259 §6). RapidJSON's own reader computes a number even when it is asked
// for the text only, and refuses some that are valid: one of 309 digits, 1e400, 0e400. Both readers of this
// room use this instead (see RapidJSON's ParseNumber in their sources). Only for lib/json. Thread-safe: no
// state.

#pragma once

#include "lib/json/input_stream.h"
#include "lib/json/rapidjson.h"

namespace hashpost::json {

// Takes `byte` off `stream` and gives it to `keep`, if it stands next. False: it does not, or `keep` said so.
template <typename Keep>
bool TakeByte(InputStream& stream, char byte, Keep& keep) {
  return !stream.AtEnd() && stream.Peek() == byte && keep(stream.Take());
}

// Takes digits; false if there is no digit, or once `keep` has said so.
template <typename Keep>
bool TakeDigits(InputStream& stream, Keep& keep) {
  bool found = false;
  while (stream.Peek() >= '0' && stream.Peek() <= '9') {
    if (!keep(stream.Take())) return false;
    found = true;
  }
  return found;
}

// Takes int [ frac ] [ exp ] of any length and magnitude. `keep` gets each byte and may return false, which
// ends the reading with any fault.
template <typename Keep>
rapidjson::ParseErrorCode TakeUnsigned(InputStream& stream, Keep& keep) {
  if (!TakeByte(stream, '0', keep) && !TakeDigits(stream, keep)) return rapidjson::kParseErrorValueInvalid;
  if (TakeByte(stream, '.', keep) && !TakeDigits(stream, keep))
    return rapidjson::kParseErrorNumberMissFraction;
  if (TakeByte(stream, 'e', keep) || TakeByte(stream, 'E', keep)) {
    if (!TakeByte(stream, '+', keep)) TakeByte(stream, '-', keep);
    if (!TakeDigits(stream, keep)) return rapidjson::kParseErrorNumberMissExponent;
  }
  return rapidjson::kParseErrorNone;
}

}  // namespace hashpost::json
