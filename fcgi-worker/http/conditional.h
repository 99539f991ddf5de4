// Dates and conditional requests (RFC 9110 §5.6.7 and §13). Thread-safe: no state.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "fcgi-worker/http/request.h"

namespace hashpost::http {

// Seconds since the epoch → "Sun, 06 Nov 1994 08:49:37 GMT". What lies before 1970 or after 9999 becomes the
// nearest second inside.
[[nodiscard]] std::string FormatDate(std::int64_t unix_seconds);

// Any of the three forms that RFC 9110 §5.6.7 asks a recipient to take; nullopt if it is none of them.
// Whether the weekday fits the date is not checked.
[[nodiscard]] std::optional<std::int64_t> ParseDate(std::string_view text);

struct Validators {
  std::span<const std::string> etags;  // of each representation that is meant; strong, with their quotes
  std::int64_t last_modified;          // seconds since the epoch
};

enum class Precondition {
  kProceed,
  kNotModified,  // 304 (GET and HEAD)
  kFailed,       // 412
};

// Evaluates If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since in the order of RFC 9110
// §13.2.2 against what exists now: If-Match wants one of the tags, If-None-Match none of them. A date that
// cannot be parsed is ignored.
[[nodiscard]] Precondition Evaluate(const Request& request, const Validators& current);

}  // namespace hashpost::http
