#include <cppunit/extensions/HelperMacros.h>

#include "lib/json/json.h"
#include "tests/unit/lib/json/outcomes.h"

namespace hashpost::json {
namespace {

class JsonUnicodeTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(JsonUnicodeTest);
  CPPUNIT_TEST(KeepsNulThatIsEscaped);
  CPPUNIT_TEST(RefusesByteOrderMarksCompleteAndIncomplete);
  CPPUNIT_TEST(RefusesHalfSurrogatePairsEverywhere);
  CPPUNIT_TEST(RefusesInvalidUtf8Everywhere);
  CPPUNIT_TEST(AcceptsUnicodeUpToItsEnd);
  CPPUNIT_TEST_SUITE_END();

 public:
  void KeepsNulThatIsEscaped() {
    Check({{R"({"message":"\u0000"})", Text("value: \0")},
           {R"({"message":"a\u0000b"})", Text("value: a\0b")},
           {R"({"message\u0000":"a"})", "missing"},
           {R"({"message":"a","message\u0000":"b"})", "value: a"}});
  }

  void RefusesByteOrderMarksCompleteAndIncomplete() {
    const std::string good = R"({"message":"a"})";
    CheckAll(
        {"\xEF\xBB\xBF" + good, "\xEF\xBB" + good, "\xEF" + good, good + "\xEF\xBB\xBF", "\xEF\xBB\xBF",
         "\xEF\xBB", "\xEF", "\xFE\xFF" + good, "\xFF\xFE" + good, Text("\xFF\xFE{\0}\0"), Text("\0{\0}")},
        "malformed");
    CPPUNIT_ASSERT(std::get<ParseFault>(Read("\xEF\xBB\xBF" + good)).sentence.find("byte order mark") !=
                   std::string::npos);
    Check({{"{\"message\":\"\xEF\xBB\xBF\"}", "value: \xEF\xBB\xBF"}});  // in a string it is a character
  }

  void RefusesHalfSurrogatePairsEverywhere() {
    for (const std::string half :
         {R"(\ud800)", R"(\uDBFF)", R"(\udc00)", R"(\uDFFF)", R"(a\ud83dz)", R"(a\ude00z)", R"(\ud83d\ud83d)",
          R"(\ude00\ud83d)", R"(\ud83d\n)", R"(\ud83d\u0041)", R"(\ud83d\ude00\ude00)", "\xED\xA0\x80",
          "\xED\xB0\x80", "\xED\xBF\xBF", "\xED\xA0\xBD\xED\xB8\x80"}) {
      CheckAll({R"({"message":")" + half + R"("})", R"({"message":"a","b":")" + half + R"("})",
                R"({"message":"a","b":[{"c":[")" + half + R"("]}]})",
                R"({")" + half + R"(":1,"message":"a"})", R"({"message":"a","b":{")" + half + R"(":1}})"},
               "not UTF-8");
    }
  }

  void RefusesInvalidUtf8Everywhere() {
    for (const std::string bad :
         {"\x80", "\xBF", "\xC0\x80", "\xC0\xAF", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x80\xAF",
          "\xE0\x9F\xBF", "\xE2\x82", "\xF0\x80\x80\xAF", "\xF0\x8F\xBF\xBF", "\xF0\x9F\x98",
          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xF8\x88\x80\x80\x80", "\xFE", "\xFF",
          // An escape never completes what raw bytes began, nor the other way round.
          "\\u00e9\xA9", "\xE2\\u0082\xAC", "\xED\\u0080\x80", "\xC3\\n\xA9", "\\udc00\x80"}) {
      CheckAll({R"({"message":")" + bad + R"("})", R"({"message":"a","b":")" + bad + R"("})",
                R"({"message":"a","b":[")" + bad + R"("]})", R"({"x)" + bad + R"(":1,"message":"a"})"},
               "not UTF-8");
    }
  }

  void AcceptsUnicodeUpToItsEnd() {
    for (const std::string good : {"\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                                   "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "\x7f"}) {
      CheckAll({R"({"message":")" + good + R"("})"}, "value: " + good);
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(JsonUnicodeTest);

}  // namespace
}  // namespace hashpost::json
