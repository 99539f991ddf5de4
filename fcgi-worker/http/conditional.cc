// Dates (RFC 9110 §5.6.7) and conditional requests (RFC 9110 §13).

#include "fcgi-worker/http/conditional.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "fcgi-worker/http/field_syntax.h"

namespace hashpost::http {
namespace {

constexpr std::array<std::string_view, 7> kWeekdays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// The last second of the year 9999; a later one has no four digits.
constexpr std::int64_t kLastSecond = 253402300799;

// Each form as a pattern: a letter is a field (see TakeField), all else stands for itself.
constexpr std::array<std::string_view, 3> kForms = {
    "W, D M Y h:m:s GMT",  // IMF-fixdate
    "L, D-M-y h:m:s GMT",  // RFC 850
    "W M d h:m:s Y",       // asctime
};

struct DateFields {
  int year = 0;
  unsigned month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

bool TakeDigits(FieldReader& reader, int count, int& value) {
  value = 0;
  for (; count > 0; --count) {
    const char digit = reader.Peek();
    if (!IsDigit(digit)) return false;
    reader.Take({&digit, 1});
    value = value * 10 + (digit - '0');
  }
  return true;
}

bool TakeWeekday(FieldReader& reader, std::size_t max_letters) {
  return std::any_of(kWeekdays.begin(), kWeekdays.end(),
                     [&](std::string_view name) { return reader.Take(name.substr(0, max_letters)); });
}

bool TakeMonth(FieldReader& reader, unsigned& month) {
  for (month = 1; month <= kMonths.size(); ++month) {
    if (reader.Take(kMonths[month - 1])) return true;
  }
  return false;
}

// Two digits of a year mean the latest such year that is not more than 50 years ahead (counted in whole
// years).
int FullYear(int two_digits) {
  const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  const int latest = static_cast<int>(std::chrono::year_month_day(today).year()) + 50;
  return latest - (latest - two_digits) % 100;
}

bool TakeField(FieldReader& reader, char field, DateFields& date) {
  switch (field) {
    case 'W':
      return TakeWeekday(reader, 3);
    case 'L':
      return TakeWeekday(reader, std::string_view::npos);
    case 'D':
      return TakeDigits(reader, 2, date.day);
    case 'd':
      return TakeDigits(reader, reader.Take(" ") ? 1 : 2, date.day);
    case 'M':
      return TakeMonth(reader, date.month);
    case 'Y':
      return TakeDigits(reader, 4, date.year);
    case 'y':
      if (!TakeDigits(reader, 2, date.year)) return false;
      date.year = FullYear(date.year);
      return true;
    case 'h':
      return TakeDigits(reader, 2, date.hour);
    case 'm':
      return TakeDigits(reader, 2, date.minute);
    case 's':
      return TakeDigits(reader, 2, date.second);
    default:
      return reader.Take({&field, 1});
  }
}

std::optional<DateFields> ParseForm(std::string_view text, std::string_view form) {
  FieldReader reader(text);
  DateFields date;
  // "GMT" holds the letter of a field, so it is matched as a whole.
  const bool has_zone = form.ends_with(" GMT");
  if (has_zone) form.remove_suffix(4);
  for (const char field : form) {
    if (!TakeField(reader, field, date)) return std::nullopt;
  }
  if ((has_zone && !reader.Take(" GMT")) || !reader.AtEnd()) return std::nullopt;
  return date;
}

std::optional<std::int64_t> ToSeconds(const DateFields& date) {
  const std::chrono::year_month_day day(std::chrono::year(date.year), std::chrono::month(date.month),
                                        std::chrono::day(static_cast<unsigned>(date.day)));
  // A second 60 is a leap second.
  if (!day.ok() || date.hour > 23 || date.minute > 59 || date.second > 60) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(day).time_since_epoch().count();
  return ((days * 24 + date.hour) * 60 + date.minute) * 60 + date.second;
}

void PutDigits(std::string& out, std::size_t at, std::size_t count, unsigned value) {
  for (; count > 0; --count, value /= 10) out[at + count - 1] = static_cast<char>('0' + value % 10);
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
  const std::chrono::sys_seconds time(
      std::chrono::seconds(std::clamp<std::int64_t>(unix_seconds, 0, kLastSecond)));
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto second_of_day = static_cast<unsigned>((time - day).count());

  std::string text = "Www, dd Mmm yyyy hh:mm:ss GMT";
  text.replace(0, 3, kWeekdays[std::chrono::weekday(day).c_encoding()], 0, 3);
  PutDigits(text, 5, 2, static_cast<unsigned>(date.day()));
  text.replace(8, 3, kMonths[static_cast<unsigned>(date.month()) - 1]);
  PutDigits(text, 12, 4, static_cast<unsigned>(static_cast<int>(date.year())));
  PutDigits(text, 17, 2, second_of_day / 3600);
  PutDigits(text, 20, 2, second_of_day / 60 % 60);
  PutDigits(text, 23, 2, second_of_day % 60);
  return text;
}

std::optional<std::int64_t> ParseDate(std::string_view text) {
  for (const std::string_view form : kForms) {
    if (const std::optional<DateFields> date = ParseForm(text, form)) return ToSeconds(*date);
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
