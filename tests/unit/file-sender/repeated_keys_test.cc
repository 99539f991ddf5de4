#include "file-sender/repeated_keys.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <utility>
#include <vector>

#include "file-sender/json_to_xml.h"
#include "tests/unit/file-sender/memory_text.h"

namespace hashpost::sender {
namespace {

// `text` as it reads with the splices that are found.
std::string Read(const std::string& text, RepeatedKeys& keys, std::size_t piece = SIZE_MAX) {
  io::MemoryText memory(text, piece);
  SplicedText whole(memory, {});
  CPPUNIT_ASSERT_MESSAGE(text, !json::ReadEvents(whole, keys, kJsonLimits));
  const std::vector<Splice> splices = keys.TakeSplices();
  SplicedText spliced(memory, splices);
  std::string result;
  std::string buffer(7, '\0');
  while (const std::size_t size = spliced.Read(buffer)) result.append(buffer, 0, size);
  return result;
}

class RepeatedKeysTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RepeatedKeysTest);
  CPPUNIT_TEST(PutsTheLastValueInTheFirstPlace);
  CPPUNIT_TEST(LeavesTextsWithoutRepeatsAlone);
  CPPUNIT_TEST(FindsRepeatsAmongManyKeys);
  CPPUNIT_TEST(FindsARepeatOfEachOfAFewKeys);
  CPPUNIT_TEST(NeedsNoMoreForManyRepeatsInARow);
  CPPUNIT_TEST(GivesUpTheLargestObjectWhenItsKeysAreTooMany);
  CPPUNIT_TEST(GivesUpWhenKeysAreTooLong);
  CPPUNIT_TEST(KeepsRepeatsWhenSplicesAreTooMany);
  CPPUNIT_TEST_SUITE_END();

 public:
  void PutsTheLastValueInTheFirstPlace() {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {R"({"a":1,"a":2})", R"({"a":2})"},
        {R"({"a":1,"b":2,"a":3})", R"({"a":3,"b":2})"},
        {R"({"a":1,"a":2,"a":3})", R"({"a":3})"},
        {R"({"a":1,"a":2,"b":4,"a":3,"b":5})", R"({"a":3,"b":5})"},
        {R"({ "a" : 1 , "a" : [2] , "c" : 0 })", R"({ "a" : [2] , "c" : 0 })"},
        {R"({"a":1,"\u0061":2})", R"({"a":2})"},
        {R"({"":1,"":2})", R"({"":2})"},
        // Inside one another.
        {R"({"a":{"b":1,"b":2},"a":{"c":3,"d":4,"c":{"e":5,"e":6}},"z":7})",
         R"({"a":{"c":{"e":6},"d":4},"z":7})"},
        {R"([{"a":1,"a":2},{"a":3},[{"a":4,"a":5}]])", R"([{"a":2},{"a":3},[{"a":5}]])"},
        {R"({"a":{"a":{"a":1,"a":2},"a":{"a":3,"a":4}},"a":{"a":{"a":5,"a":6},"a":{"a":7,"a":8}}})",
         R"({"a":{"a":{"a":8}}})"},
        {R"({"x":{"b":1},"y":{"b":2},"x":{"b":3,"b":4},"y":[{"q":1,"q":2}]})",
         R"({"x":{"b":4},"y":[{"q":2}]})"}};
    for (const auto& [text, expected] : cases) {
      for (const std::size_t piece : {SIZE_MAX, std::size_t{1}, std::size_t{3}}) {
        RepeatedKeys keys;
        CPPUNIT_ASSERT_EQUAL(expected, Read(text, keys, piece));
        CPPUNIT_ASSERT(keys.left_out() > 0 && !keys.met_bound());
      }
    }
  }

  void LeavesTextsWithoutRepeatsAlone() {
    for (const std::string text : {"{}", "[]", "1", R"({"a":{"a":{"a":[{"a":1},{"a":1}]}}})", R"(["a","a"])",
                                   R"({"a":"b","b":"a"})", R"({"a b":1,"a_b":2})"}) {
      RepeatedKeys keys;
      CPPUNIT_ASSERT_EQUAL(text, Read(text, keys));
      CPPUNIT_ASSERT(keys.left_out() == 0 && !keys.met_bound());
    }
  }

  void FindsRepeatsAmongManyKeys() {
    std::string text = "{";
    std::string expected = "{";
    for (int i = 0; i < 50000; ++i) {
      const std::string key = (i > 0 ? ",\"key" : "\"key") + std::to_string(i) + "\":";
      text += key + "{\"x\":1,\"x\":2}";
      expected += key + (i % 100 == 7 ? "\"again\"" : "{\"x\":2}");
    }
    for (int i = 7; i < 50000; i += 100) text += ",\"key" + std::to_string(i) + "\":\"again\"";
    RepeatedKeys keys;
    CPPUNIT_ASSERT(expected + "}" == Read(text + "}", keys, 8192));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{50500}, keys.left_out());
  }

  // The first 16 keys are kept in another way than those behind them.
  void FindsARepeatOfEachOfAFewKeys() {
    for (int count = 1; count <= 20; ++count) {
      for (int again = 0; again < count; ++again) {
        std::string text;
        std::string expected;
        for (int i = 0; i < count; ++i) {
          const std::string key = (i > 0 ? ",\"k" : "{\"k") + std::to_string(i) + "\":";
          text += key + "1";
          expected += key + (i == again ? "2" : "1");
        }
        text += ",\"k" + std::to_string(again) + "\":2}";
        RepeatedKeys keys;
        CPPUNIT_ASSERT_EQUAL(expected + "}", Read(text, keys));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, keys.left_out());
      }
    }
  }

  void NeedsNoMoreForManyRepeatsInARow() {
    std::string text = "{\"b\":0,\"a\":0";
    for (int i = 1; i < 1000; ++i) text += ", \"a\": " + std::to_string(i);
    RepeatedKeys keys({.keys = 2, .key_bytes = 2, .splices = 2});
    CPPUNIT_ASSERT_EQUAL(std::string("{\"b\":0,\"a\": 999}"), Read(text + "}", keys));
    CPPUNIT_ASSERT(!keys.met_bound());
  }

  void GivesUpTheLargestObjectWhenItsKeysAreTooMany() {
    const std::string text = R"({"o":{"a":1,"b":2,"a":3,"c":4,"a":5,"i":{"x":1,"x":2}},"o2":1,"o2":2})";
    RepeatedKeys keys({.keys = 3, .key_bytes = 100, .splices = 100});
    CPPUNIT_ASSERT_EQUAL(std::string(R"({"o":{"a":3,"b":2,"c":4,"a":5,"i":{"x":2}},"o2":2})"),
                         Read(text, keys));
    CPPUNIT_ASSERT(keys.met_bound());
  }

  void GivesUpWhenKeysAreTooLong() {
    const std::string text = R"({"first":{"x":1,"x":2,"long one":1,"long one":2,"x":3}})";
    RepeatedKeys keys({.keys = 100, .key_bytes = 8, .splices = 100});
    CPPUNIT_ASSERT_EQUAL(std::string(R"({"first":{"x":2,"long one":1,"long one":2,"x":3}})"),
                         Read(text, keys));
    CPPUNIT_ASSERT(keys.met_bound());
  }

  void KeepsRepeatsWhenSplicesAreTooMany() {
    RepeatedKeys keys({.keys = 100, .key_bytes = 100, .splices = 3});
    CPPUNIT_ASSERT_EQUAL(std::string(R"([{"a":2},{"b":1,"b":2}])"),
                         Read(R"([{"a":1,"a":2},{"b":1,"b":2}])", keys));
    CPPUNIT_ASSERT(keys.met_bound());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, keys.left_out());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RepeatedKeysTest);

}  // namespace
}  // namespace hashpost::sender
