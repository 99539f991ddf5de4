#include "fcgi-worker/http/conditional.h"

#include <cppunit/extensions/HelperMacros.h>

#include <array>
#include <chrono>
#include <vector>

namespace hashpost::http {
namespace {

constexpr std::int64_t kExample = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110
const std::array<std::string, 1> kOneTag = {"\"abc-json\""};
const std::array<std::string, 2> kTwoTags = {"\"abc-json\"", "\"abc-text\""};

std::string Name(Precondition outcome) {
  if (outcome == Precondition::kProceed) return "proceed";
  return outcome == Precondition::kNotModified ? "304" : "412";
}

struct Case {
  std::string_view method;
  std::vector<Field> fields;
  std::string expected;
};

void Check(const std::vector<Case>& cases, std::span<const std::string> etags = kOneTag) {
  for (const Case& c : cases) {
    Request request;
    request.method = c.method;
    std::string what(c.method);
    for (const Field& field : c.fields) {
      request.fields.Add(field.name, field.value);
      what += " " + std::string(field.name) + ": " + std::string(field.value);
    }
    CPPUNIT_ASSERT_EQUAL_MESSAGE(what, c.expected,
                                 Name(Evaluate(request, {.etags = etags, .last_modified = kExample})));
  }
}

class ConditionalTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ConditionalTest);
  CPPUNIT_TEST(FormatsDatesAsImfFixdate);
  CPPUNIT_TEST(ParsesTheThreeFormsOfTheStandard);
  CPPUNIT_TEST(ReadsTwoDigitYearsAsAtMostFiftyYearsAhead);
  CPPUNIT_TEST(ParsesWhatItFormats);
  CPPUNIT_TEST(RefusesWhatIsNoDate);
  CPPUNIT_TEST(ProceedsWithoutConditions);
  CPPUNIT_TEST(ComparesIfNoneMatchWeakly);
  CPPUNIT_TEST(ComparesIfMatchStrongly);
  CPPUNIT_TEST(ComparesDatesToTheSecond);
  CPPUNIT_TEST(EvaluatesInTheStandardsOrder);
  CPPUNIT_TEST(TakesSeveralLinesForOneList);
  CPPUNIT_TEST(WantsOneOfTheTagsForIfMatchAndNoneForIfNoneMatch);
  CPPUNIT_TEST_SUITE_END();

 public:
  void FormatsDatesAsImfFixdate() {
    const std::vector<std::pair<std::int64_t, std::string>> cases = {
        {kExample, "Sun, 06 Nov 1994 08:49:37 GMT"},     {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},    {1795305599, "Sat, 21 Nov 2026 23:59:59 GMT"},
        {4294967296, "Sun, 07 Feb 2106 06:28:16 GMT"},   {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {253402300800, "Fri, 31 Dec 9999 23:59:59 GMT"}, {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {-1, "Thu, 01 Jan 1970 00:00:00 GMT"},           {INT64_MIN, "Thu, 01 Jan 1970 00:00:00 GMT"},
    };
    for (const auto& [seconds, expected] : cases) CPPUNIT_ASSERT_EQUAL(expected, FormatDate(seconds));
  }

  void ParsesTheThreeFormsOfTheStandard() {
    const std::vector<std::pair<std::string_view, std::int64_t>> cases = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", kExample},
        {"Sunday, 06-Nov-94 08:49:37 GMT", kExample},
        {"Sun Nov  6 08:49:37 1994", kExample},
        {"Wed Nov 16 08:49:37 1994", kExample + 10 * 86400},
        {"Wed Nov 06 08:49:37 1994", kExample},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
        {"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
        {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},  // a leap second
        {"Mon, 01 Jan 0001 00:00:00 GMT", -62135596800},
        {"Mon, 06 Nov 1994 08:49:37 GMT", kExample},  // the wrong weekday
    };
    for (const auto& [text, expected] : cases) {
      const auto date = ParseDate(text);
      CPPUNIT_ASSERT_MESSAGE(std::string(text), date.has_value());
      CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(text), expected, *date);
    }
  }

  void ReadsTwoDigitYearsAsAtMostFiftyYearsAhead() {
    const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
    const int year = static_cast<int>(std::chrono::year_month_day(today).year());
    for (int two_digits = 0; two_digits < 100; ++two_digits) {
      const std::string digits = {static_cast<char>('0' + two_digits / 10),
                                  static_cast<char>('0' + two_digits % 10)};
      const std::string full = FormatDate(ParseDate("Monday, 01-Jul-" + digits + " 00:00:00 GMT").value());
      const int read = std::stoi(full.substr(12, 4));
      CPPUNIT_ASSERT_EQUAL(two_digits, read % 100);
      CPPUNIT_ASSERT(read <= year + 50 && read > year - 50);
    }
  }

  void ParsesWhatItFormats() {
    for (std::int64_t seconds = 0; seconds < 253402300799; seconds += 86400 * 37 + 12345) {
      CPPUNIT_ASSERT(ParseDate(FormatDate(seconds)) == seconds);
    }
  }

  void RefusesWhatIsNoDate() {
    for (const std::string_view text : {"",
                                        " ",
                                        "garbage",
                                        "784111777",
                                        "1994-11-06T08:49:37Z",
                                        "Sun, 06 Nov 1994 08:49:37",
                                        "06 Nov 1994 08:49:37 GMT",
                                        " Sun, 06 Nov 1994 08:49:37 GMT",
                                        "Sun, 06 Nov 1994 08:49:37 GMT ",
                                        "Sun, 06 Nov 1994 08:49:37 UTC",
                                        "Sun, 06 Nov 1994 08:49:37 gmt",
                                        "sun, 06 nov 1994 08:49:37 GMT",
                                        "Sun, 6 Nov 1994 08:49:37 GMT",
                                        "Sun, 06 Nov 94 08:49:37 GMT",
                                        "Sun, 06 Nov 1994 8:49:37 GMT",
                                        "Sun, 06 Nov 1994 08:49 GMT",
                                        "Sun, 31 Nov 1994 08:49:37 GMT",
                                        "Sun, 29 Feb 1999 08:49:37 GMT",
                                        "Sun, 00 Nov 1994 08:49:37 GMT",
                                        "Sun, 32 Jan 1994 08:49:37 GMT",
                                        "Sun, 06 Nov 1994 24:00:00 GMT",
                                        "Sun, 06 Nov 1994 08:60:37 GMT",
                                        "Sun, 06 Nov 1994 08:49:61 GMT",
                                        "Sun, 06 Nov 1994 -8:49:37 GMT",
                                        "Sun, 06 Nov +994 08:49:37 GMT",
                                        "Sun,06 Nov 1994 08:49:37 GMT",
                                        "Sun,  06 Nov 1994 08:49:37 GMT",
                                        "Xxx, 06 Nov 1994 08:49:37 GMT",
                                        "Sun, 06 Xxx 1994 08:49:37 GMT",
                                        "Sunday, 06 Nov 1994 08:49:37 GMT",
                                        "Sun, 06-Nov-94 08:49:37 GMT",
                                        "Sunday, 06-Nov-1994 08:49:37 GMT",
                                        "Sun Nov 6 08:49:37 1994",
                                        "Sun Nov  6 08:49:37 1994 GMT",
                                        "Sun Nov 006 08:49:37 1994",
                                        "Sun Nov  6 08:49:37 94",
                                        "Sun, 06 Nov 1994 08:49:37 GMT; length=3"}) {
      CPPUNIT_ASSERT_MESSAGE(std::string(text), !ParseDate(text).has_value());
    }
    using std::string_view_literals::operator""sv;
    CPPUNIT_ASSERT(!ParseDate("Sun, 06 Nov 1994 08:49:37 GMT\0"sv).has_value());
  }

  void ProceedsWithoutConditions() {
    Check({{"GET", {}, "proceed"}, {"DELETE", {{"HOST", "x"}}, "proceed"}});
  }

  void ComparesIfNoneMatchWeakly() {
    for (const std::string_view covering :
         {"\"abc-json\"", "W/\"abc-json\"", "*", " * ", "\"x\", \"abc-json\"", "\"x\",W/\"abc-json\" ,\"y\"",
          "\"a,b\", \"abc-json\"", ", ,\"abc-json\"", "unquoted, \"abc-json\"", R"("back\", "abc-json")",
          "*, \"x\"", "\"x\" , * ,\"y\""}) {
      Check({{"GET", {{"IF_NONE_MATCH", covering}}, "304"},
             {"HEAD", {{"IF_NONE_MATCH", covering}}, "304"},
             {"DELETE", {{"IF_NONE_MATCH", covering}}, "412"}});
    }
    for (const std::string_view other :
         {"", "\"abc-text\"", "abc-json", "\"abc-json", "abc-json\"", "\"ABC-JSON\"", "w/\"abc-json\"", "**",
          "*x", "x*", "\"abc-json\"x", "\"x, \"abc-json\"", "\"\"", "W/", ",", "\"", "\"*\""}) {
      Check({{"GET", {{"IF_NONE_MATCH", other}}, "proceed"},
             {"DELETE", {{"IF_NONE_MATCH", other}}, "proceed"}});
    }
  }

  void ComparesIfMatchStrongly() {
    for (const std::string_view covering :
         {"\"abc-json\"", "*", "\"x\", \"abc-json\"", "W/\"abc-json\", \"abc-json\""}) {
      Check({{"GET", {{"IF_MATCH", covering}}, "proceed"}, {"DELETE", {{"IF_MATCH", covering}}, "proceed"}});
    }
    for (const std::string_view other :
         {"", "W/\"abc-json\"", "\"abc-text\"", "abc-json", "garbage", "*, \"x\"", "\"x\", *"}) {
      Check({{"GET", {{"IF_MATCH", other}}, "412"}, {"DELETE", {{"IF_MATCH", other}}, "412"}});
    }
  }

  void ComparesDatesToTheSecond() {
    const std::string_view before = "Sun, 06 Nov 1994 08:49:36 GMT";
    const std::string_view same = "Sun, 06 Nov 1994 08:49:37 GMT";
    const std::string_view after = "Sun, 06 Nov 1994 08:49:38 GMT";
    Check({
        {"GET", {{"IF_MODIFIED_SINCE", before}}, "proceed"},
        {"GET", {{"IF_MODIFIED_SINCE", same}}, "304"},
        {"GET", {{"IF_MODIFIED_SINCE", "Sunday, 06-Nov-94 08:49:37 GMT"}}, "304"},
        {"GET", {{"IF_MODIFIED_SINCE", "Sun Nov  6 08:49:37 1994"}}, "304"},
        {"HEAD", {{"IF_MODIFIED_SINCE", after}}, "304"},
        {"DELETE", {{"IF_MODIFIED_SINCE", after}}, "proceed"},  // only for GET and HEAD
        {"GET", {{"IF_MODIFIED_SINCE", "yesterday"}}, "proceed"},
        {"GET", {{"IF_UNMODIFIED_SINCE", before}}, "412"},
        {"GET", {{"IF_UNMODIFIED_SINCE", same}}, "proceed"},
        {"DELETE", {{"IF_UNMODIFIED_SINCE", before}}, "412"},
        {"DELETE", {{"IF_UNMODIFIED_SINCE", after}}, "proceed"},
        {"DELETE", {{"IF_UNMODIFIED_SINCE", "yesterday"}}, "proceed"},
    });
  }

  void EvaluatesInTheStandardsOrder() {
    const std::string_view before = "Sun, 06 Nov 1994 08:49:36 GMT";
    const std::string_view after = "Sun, 06 Nov 1994 08:49:38 GMT";
    const std::string_view tag = "\"abc-json\"";
    Check({
        // If-Match silences If-Unmodified-Since.
        {"GET", {{"IF_UNMODIFIED_SINCE", before}, {"IF_MATCH", tag}}, "proceed"},
        {"GET", {{"IF_UNMODIFIED_SINCE", after}, {"IF_MATCH", "\"x\""}}, "412"},
        // If-None-Match silences If-Modified-Since.
        {"GET", {{"IF_MODIFIED_SINCE", after}, {"IF_NONE_MATCH", "\"x\""}}, "proceed"},
        {"GET", {{"IF_MODIFIED_SINCE", before}, {"IF_NONE_MATCH", tag}}, "304"},
        // A failed precondition comes before "not modified".
        {"GET", {{"IF_NONE_MATCH", tag}, {"IF_MATCH", "\"x\""}}, "412"},
        {"GET", {{"IF_MODIFIED_SINCE", after}, {"IF_UNMODIFIED_SINCE", before}}, "412"},
        {"GET", {{"IF_NONE_MATCH", tag}, {"IF_MATCH", tag}}, "304"},
        {"GET", {{"IF_MODIFIED_SINCE", after}, {"IF_UNMODIFIED_SINCE", after}}, "304"},
    });
  }

  void TakesSeveralLinesForOneList() {
    const std::string_view tag = "\"abc-json\"";
    const std::string_view before = "Sun, 06 Nov 1994 08:49:36 GMT";
    const std::string_view after = "Sun, 06 Nov 1994 08:49:38 GMT";
    Check({
        {"GET", {{"IF_NONE_MATCH", "\"x\""}, {"IF_NONE_MATCH", tag}}, "304"},
        {"DELETE", {{"IF_NONE_MATCH", "\"x\""}, {"IF_NONE_MATCH", tag}, {"IF_NONE_MATCH", "\"y\""}}, "412"},
        {"DELETE", {{"IF_MATCH", "\"x\""}, {"IF_MATCH", tag}}, "proceed"},
        {"DELETE", {{"IF_MATCH", "\"x\""}, {"IF_MATCH", "\"y\""}}, "412"},
        // Two dates are no date (RFC 9110 §13.1.3, §13.1.4).
        {"GET", {{"IF_MODIFIED_SINCE", after}, {"IF_MODIFIED_SINCE", after}}, "proceed"},
        {"DELETE", {{"IF_UNMODIFIED_SINCE", before}, {"IF_UNMODIFIED_SINCE", before}}, "proceed"},
    });
  }

  void WantsOneOfTheTagsForIfMatchAndNoneForIfNoneMatch() {
    const std::string_view json = "\"abc-json\"";
    const std::string_view text = "\"abc-text\"";
    const std::string_view other = "\"x\"";
    Check(
        {
            {"DELETE", {{"IF_MATCH", json}}, "proceed"},
            {"DELETE", {{"IF_MATCH", text}}, "proceed"},
            {"DELETE", {{"IF_MATCH", other}}, "412"},
            {"DELETE", {{"IF_NONE_MATCH", json}}, "412"},
            {"DELETE", {{"IF_NONE_MATCH", text}}, "412"},
            {"DELETE", {{"IF_NONE_MATCH", "*"}}, "412"},
            {"DELETE", {{"IF_NONE_MATCH", other}}, "proceed"},
            {"DELETE", {{"IF_MATCH", json}, {"IF_NONE_MATCH", other}}, "proceed"},
            {"DELETE", {{"IF_MATCH", json}, {"IF_NONE_MATCH", text}}, "412"},
            {"DELETE", {{"IF_MATCH", other}, {"IF_NONE_MATCH", other}}, "412"},
        },
        kTwoTags);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ConditionalTest);

}  // namespace
}  // namespace hashpost::http
