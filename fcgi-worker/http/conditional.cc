// Dates (RFC 9110 §5.6.7) and conditional requests (RFC 9110 §13).

#include "fcgi-worker/http/conditional.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <utility>

#include "fcgi-worker/http/field_syntax.h"

namespace hashpost::http {
namespace {

// The last second of the year 9999; a later one has no four digits.
constexpr std::int64_t kLastSecond = 253402300799;

constexpr const char* kImfFixdate = "%a, %d %b %04Y %H:%M:%S GMT";
constexpr std::array kForms = {kImfFixdate,
                               "%A, %d-%b-%y %H:%M:%S GMT",  // RFC 850
                               "%a %b %e %H:%M:%S %04Y",     // asctime
                               "%a %b %d %H:%M:%S %04Y"};    // the same, with a zero for the space

// (In the C locale, which nobody changes.)
std::string Format(const std::tm& time, const char* form) {
  std::array<char, 64> text;
  return {text.data(), std::strftime(text.data(), text.size(), form, &time)};
}

// Two digits of a year mean the latest such year that is not more than 50 years ahead (counted in whole
// years).
int FullYear(int two_digits) {
  const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  const int latest = static_cast<int>(std::chrono::year_month_day(today).year()) + 50;
  return latest - (latest - two_digits) % 100;
}

// strptime(3) takes one digit for two, any case and more spaces; so the date is right only if it is written
// the same again. (The weekday need not fit.)
std::optional<std::int64_t> ParseForm(const std::string& text, const char* form) {
  std::tm time{};
  if (::strptime(text.c_str(), form, &time) == nullptr || Format(time, form) != text) return std::nullopt;
  constexpr int kEpoch = 1900;
  if (form == kForms[1]) time.tm_year = FullYear(time.tm_year % 100) - kEpoch;
  const int day = time.tm_mday;
  const int second = std::exchange(time.tm_sec, 0);  // 60 is a leap second
  const std::int64_t seconds = ::timegm(&time) + second;
  return time.tm_mday == day && second <= 60 ? std::optional(seconds) : std::nullopt;
}

// Past the comma that ends this element. A tag in quotes may hold commas, and knows no escapes.
void SkipTag(FieldReader& reader) {
  while (!reader.AtEnd()) {
    reader.TakeWhile([](char byte) { return byte != ',' && byte != '"'; });
    if (reader.Take(",")) return;
    reader.Take("\"");
    reader.TakeWhile([](char byte) { return byte != '"'; });
    reader.Take("\"");
  }
}

enum class Comparison { kStrong, kWeak };

// Whether the list `field` of entity tags (RFC 9110 §8.8.3), or "*", covers `etag`, which is strong and
// exists.
bool Covers(std::string_view field, std::string_view etag, Comparison comparison) {
  FieldReader any(field);
  any.SkipWhiteSpace();
  const bool starts_with_any = any.Take("*");
  any.SkipWhiteSpace();
  if (starts_with_any && any.AtEnd()) return true;
  for (FieldReader reader(field); !reader.AtEnd(); SkipTag(reader)) {
    reader.SkipWhiteSpace();
    // "*" in a list, as of two lines, is a fault: it covers where that forbids more (If-None-Match).
    const bool is_any = comparison == Comparison::kWeak && reader.Take("*");
    const bool is_weak = reader.Take("W/");
    if (!is_any && !reader.Take(etag)) continue;
    reader.SkipWhiteSpace();
    const bool is_whole = reader.AtEnd() || reader.Peek() == ',';
    if (is_whole && !(is_weak && comparison == Comparison::kStrong)) return true;
  }
  return false;
}

// The date in field `name`; nullopt if it was not sent or cannot be parsed.
std::optional<std::int64_t> DateField(const Request& request, FieldName name) {
  const std::optional<std::string_view> value = request.Header(name);
  return value ? ParseDate(*value) : std::nullopt;
}

}  // namespace

std::string FormatDate(std::int64_t unix_seconds) {
  const std::time_t seconds = std::clamp<std::int64_t>(unix_seconds, 0, kLastSecond);
  std::tm time{};
  ::gmtime_r(&seconds, &time);
  return Format(time, kImfFixdate);
}

std::optional<std::int64_t> ParseDate(std::string_view text) {
  for (const char* form : kForms) {
    if (const auto date = ParseForm(std::string(text), form)) return date;
  }
  return std::nullopt;
}

Precondition Evaluate(const Request& request, const Validators& current) {
  const bool is_read = request.method == "GET" || request.method == "HEAD";
  const auto any_in = [&](std::string_view field, Comparison comparison) {
    return std::any_of(current.etags.begin(), current.etags.end(),
                       [&](const std::string& etag) { return Covers(field, etag, comparison); });
  };
  if (const auto if_match = request.Header("IF_MATCH")) {
    if (!any_in(*if_match, Comparison::kStrong)) return Precondition::kFailed;
  } else if (const auto date = DateField(request, "IF_UNMODIFIED_SINCE")) {
    if (current.last_modified > *date) return Precondition::kFailed;
  }
  if (const auto if_none_match = request.Header("IF_NONE_MATCH")) {
    if (!any_in(*if_none_match, Comparison::kWeak)) return Precondition::kProceed;
    return is_read ? Precondition::kNotModified : Precondition::kFailed;
  }
  if (const auto date = is_read ? DateField(request, "IF_MODIFIED_SINCE") : std::nullopt) {
    if (current.last_modified <= *date) return Precondition::kNotModified;
  }
  return Precondition::kProceed;
}

}  // namespace hashpost::http
