#include "lib/json/json.h"

#include <cppunit/extensions/HelperMacros.h>

#include <stdexcept>
#include <vector>

#include "lib/utf8/utf8.h"
#include "tests/unit/lib/json/memory_streams.h"
#include "tests/unit/lib/json/outcomes.h"

namespace hashpost::json {
namespace {

std::string Nested(int levels) {
  const auto count = static_cast<std::size_t>(levels);
  return R"({"message":"m","deep":)" + std::string(count, '[') + std::string(count, ']') + "}";
}

class JsonTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(JsonTest);
  CPPUNIT_TEST(PicksTheMemberAndIgnoresOthers);
  CPPUNIT_TEST(DecodesEscapes);
  CPPUNIT_TEST(RefusesWhatIsNotJson);
  CPPUNIT_TEST(RefusesTextThatEndsTooEarly);
  CPPUNIT_TEST(RefusesRawNulAndWhateverFollowsTheValue);
  CPPUNIT_TEST(CountsOnlyTopLevelMembersAsDuplicates);
  CPPUNIT_TEST(NamesTheMemberThatIsMissing);
  CPPUNIT_TEST(RefusesValuesThatAreNotStrings);
  CPPUNIT_TEST(RefusesTopsThatAreNotObjects);
  CPPUNIT_TEST(BoundsDepth);
  CPPUNIT_TEST(SurvivesDepthThatWouldOverflowACallStack);
  CPPUNIT_TEST(BoundsTheValuesDecodedLength);
  CPPUNIT_TEST(TakesEveryNumberOfTheGrammarHoweverLarge);
  CPPUNIT_TEST(RefusesNumbersOutsideTheGrammar);
  CPPUNIT_TEST(ReadsLongTextsAcrossBufferBorders);
  CPPUNIT_TEST(SaysWhereTheFaultIsAndShowsNoContent);
  CPPUNIT_TEST(PassesOnWhatTheSourceThrows);
  CPPUNIT_TEST(ReadsTheSourceToItsEnd);
  CPPUNIT_TEST_SUITE_END();

 public:
  void PicksTheMemberAndIgnoresOthers() {
    CheckAll({R"({"message":"foo"})", " \t\r\n{ \"message\" : \"foo\" } \r\n\t ",
              R"({"a":1,"message":"foo","b":{"c":[true,false,null,-0.5e+3,"x"]}})",
              R"({"a":"message","message":"foo","Message":"bar","messag":1,"message2":2})",
              R"({"":0,"message":"foo"})", R"({"mess\u0061ge":"foo"})"},
             "value: foo");
    Check({{R"({"message":""})", "value: "}, {R"({"message":"message"})", "value: message"}});
  }

  void DecodesEscapes() {
    Check({{R"({"message":"\"\\\/\b\f\n\r\t"})", "value: \"\\/\b\f\n\r\t"},
           {R"({"message":"\u0041\u00e9\u20AC"})", "value: A\u00e9\u20ac"},
           {R"({"message":"\ud83d\ude00\uDBFF\uDFFF"})", "value: \U0001F600\U0010FFFF"}});
  }

  void RefusesWhatIsNotJson() {
    CheckAll({"",
              " ",
              "\r\n\t",
              "{",
              "}",
              "{]",
              "{,}",
              R"({"message"})",
              R"({"message":})",
              R"({"message" "a"})",
              R"({"message":"a",})",
              R"({"message":"a" "b":1})",
              R"({'message':"a"})",
              R"({message:"a"})",
              R"({"message":'a'})",
              R"({"message":"a"}})",
              R"({"message":"a"]})",
              R"({"message":"a","b":[1,]})",
              R"({"message":"a","b":[,1]})",
              R"({"message":"a","b":[1 2]})",
              R"({"message":"\x"})",
              R"({"message":"\u12"})",
              R"({"message":"\u12G4"})",
              R"({"message":"\U0041"})",
              "{\"message\":\"a\nb\"}",
              "{\"message\":\"a\tb\"}",
              "{\"message\":\"\x1f\"}",
              R"({"message":"a"} // comment)",
              R"(/* comment */{"message":"a"})",
              "{\"message\":\"a\"}\v",
              "{\"message\":\"a\"}\xC2\xA0",
              R"({"message":"a","b":nul})",
              R"({"message":"a","b":True})",
              R"({"message":"a","b":NaN})",
              R"({"message":"a","b":Infinity})",
              R"({"message":"a","b":undefined})",
              "message=foo",
              "foo",
              "{\xff}"},
             "malformed");
  }

  void RefusesTextThatEndsTooEarly() {
    const std::string whole = R"({"a":[1,{"b":null}],"message":"foo"})";
    for (std::size_t size = 0; size < whole.size(); ++size) CheckAll({whole.substr(0, size)}, "malformed");
    CheckAll({whole}, "value: foo");
  }

  void RefusesRawNulAndWhateverFollowsTheValue() {
    CheckAll(
        {Text("{\"message\":\"a\"}\0"), Text("{\"message\":\"a\"}\0garbage"), Text("{\"message\":\"a\"} \0 "),
         Text("\0"), Text("\0{\"message\":\"a\"}"), Text("{\0\"message\":\"a\"}"),
         Text("{\"message\":\"a\0b\"}"), Text("{\"message\":\0\"a\"}"), Text("{\"mess\0age\":\"a\"}"),
         Text("{\"message\":\"a\"\0}"), R"({"message":"a"}garbage)", R"({"message":"a"}{"message":"b"})",
         R"({"message":"a"} "b")", R"({"message":"a"}1)", R"({"message":"a"}null)", R"({"message":"a"},)"},
        "malformed");
  }

  void CountsOnlyTopLevelMembersAsDuplicates() {
    CheckAll({R"({"message":"a","message":"a"})", R"({"message":"a","b":1,"message":"b"})",
              R"({"message":"a","mess\u0061ge":"b"})", R"({"message":"a","message":1})"},
             "duplicate");
    CheckAll({R"({"message":"a","b":{"message":"b","c":{"message":1}}})",
              R"({"b":[{"message":"b"}],"message":"a"})", R"({"b":1,"b":2,"message":"a"})",
              R"({"b":{"message":1,"message":2},"message":"a"})"},
             "value: a");
  }

  void NamesTheMemberThatIsMissing() {
    CheckAll({"{}", R"({"Message":"a"})", R"({"b":{"message":"a"}})", R"({"b":[{"message":"a"}]})",
              R"({"messag":"a","messages":"b"})"},
             "missing");
    CPPUNIT_ASSERT(std::get<ParseFault>(Read("{}")).sentence.find("message") != std::string::npos);
  }

  void RefusesValuesThatAreNotStrings() {
    CheckAll({R"({"message":null})", R"({"message":true})", R"({"message":false})", R"({"message":0})",
              R"({"message":-1.5e3})", R"({"message":12345678901234567890123})", R"({"message":{}})",
              R"({"message":[]})", R"({"message":["a"]})", R"({"message":{"message":"a"}})"},
             "not a string");
  }

  void RefusesTopsThatAreNotObjects() {
    CheckAll(
        {"[]", R"([{"message":"a"}])", R"("message")", R"("")", "null", "true", "false", "0", "-1.5", "1e10"},
        "no object");
  }

  void BoundsDepth() {
    CheckAll({Nested(63)}, "value: m");
    CheckAll({Nested(64), Nested(65), Nested(2000)}, "too deep");
    const Limits flat{.max_value_bytes = 10, .max_depth = 1};
    CPPUNIT_ASSERT_EQUAL(std::string("value: m"), Show(Read(R"({"message":"m","a":1})", flat)));
    CPPUNIT_ASSERT_EQUAL(std::string("too deep"), Show(Read(R"({"message":"m","a":{}})", flat)));
    CPPUNIT_ASSERT_EQUAL(std::string("too deep"), Show(Read(R"({"a":[]})", flat)));
    // Siblings are not depth.
    std::string wide = R"({"message":"m","a":[)";
    for (int i = 0; i < 1000; ++i) wide += "[],{},";
    CPPUNIT_ASSERT_EQUAL(std::string("value: m"), Show(Read(wide + "0]}")));
  }

  void SurvivesDepthThatWouldOverflowACallStack() {
    const Limits deep{.max_value_bytes = 10, .max_depth = 10'000'000};
    CPPUNIT_ASSERT_EQUAL(std::string("value: m"), Show(Read(Nested(1'000'000), deep)));
  }

  void BoundsTheValuesDecodedLength() {
    const Limits four{.max_value_bytes = 4};
    const auto show = [&](const std::string& text) { return Show(Read(text, four)); };
    CPPUNIT_ASSERT_EQUAL(std::string("value: abcd"), show(R"({"message":"abcd"})"));
    CPPUNIT_ASSERT_EQUAL(std::string("value: aaaa"), show(R"({"message":"\u0061\u0061\u0061\u0061"})"));
    CPPUNIT_ASSERT_EQUAL(std::string("value: \U0001F600"), show(R"({"message":"\ud83d\ude00"})"));
    CPPUNIT_ASSERT_EQUAL(std::string("too long"), show(R"({"message":"abcde"})"));
    CPPUNIT_ASSERT_EQUAL(std::string("too long"), show("{\"message\":\"abc\u00e9\"}"));
    CPPUNIT_ASSERT_EQUAL(std::string("value: a"),
                         show(R"({"longer than four":"longer than four","message":"a"})"));
    CPPUNIT_ASSERT_EQUAL(std::string("value: "),
                         Show(Read(R"({"message":""})", Limits{.max_value_bytes = 0})));
  }

  void TakesEveryNumberOfTheGrammarHoweverLarge() {
    const std::string zeros(320, '0');
    for (const std::string& number :
         std::vector<std::string>{"0",
                                  "-0",
                                  "10",
                                  "0.0",
                                  "-0.1",
                                  "1e5",
                                  "1E+5",
                                  "1e-5",
                                  "1e308",
                                  "1.8e308",
                                  "9.99e310",
                                  "1e309",
                                  "-1e400",
                                  "0e400",
                                  "0E-400",
                                  "0.1e309",
                                  "1e-400",
                                  "1" + zeros + "e-320",
                                  "1e99999999999999999999",
                                  "1e-99999999999999999999",
                                  "123456789012345678901234567890",
                                  std::string(9000, '9'),
                                  "0." + std::string(9000, '1'),
                                  "128.74836467836484838364836483643636483648e-336"}) {
      CheckAll({R"({"message":"a","n":)" + number + "}", R"({"message":"a","n":[)" + number + "]}"},
               "value: a");
      CheckAll({number}, "no object");
      CheckAll({R"({"message":)" + number + "}"}, "not a string");
    }
  }

  void RefusesNumbersOutsideTheGrammar() {
    for (const std::string number :
         {"01",       "00",  "-01", "-",        "+1",        ".5",   "-.5", "1.",  "1.e5",
          "1e",       "1E",  "1e+", "1e-",      "1e5.5",     "0x10", "--1", "-+1", "1_000",
          "\xD9\xA1", "1 0", "1f",  "Infinity", "-Infinity", "NaN",  "-NaN"}) {
      CheckAll({R"({"message":"a","n":)" + number + "}", R"({"n":[)" + number + R"(],"message":"a"})"},
               "malformed");
    }
    CheckAll({"-", "1.", "1e", R"({"message":-})", R"({"message":"a","n":1,5})"}, "malformed");
    CheckAll({Text("{\"message\":\"a\",\"n\":1\0}"), Text("{\"message\":\"a\",\"n\":1.\0}")}, "malformed");
  }

  void ReadsLongTextsAcrossBufferBorders() {
    const Limits large{.max_value_bytes = 1'000'000};
    for (std::size_t padding = 8100; padding < 8300; padding += 1) {
      const std::string value = std::string(padding, 'x') + "\U0001F600";
      const std::string text = R"({"message":")" + std::string(padding, 'x') + R"(\ud83d\ude00"})";
      CPPUNIT_ASSERT(Show(Read(text, large)) == "value: " + value);
      CPPUNIT_ASSERT(Show(Read(text, large, 4096)) == "value: " + value);
    }
    const std::string value(700'000, 'y');
    CPPUNIT_ASSERT(Show(Read(R"({"message":")" + value + R"("})", large, 1000)) == "value: " + value);
  }

  void SaysWhereTheFaultIsAndShowsNoContent() {
    const auto sentence = [](const std::string& text) { return std::get<ParseFault>(Read(text)).sentence; };
    CPPUNIT_ASSERT(sentence(R"({"message":"secret" x})").find("at byte 20") != std::string::npos);
    CPPUNIT_ASSERT(sentence("{\"message\":\"secret\xff\"}").find("before byte 20") != std::string::npos);
    CPPUNIT_ASSERT(sentence(R"({"message":"secret")").find("too early, at byte 19") != std::string::npos);
    for (const std::string text :
         {R"({"message":"secret" x})", R"({"message":"secret","message":"secret"})", R"({"secret":"secret"})",
          R"({"message":["secret"]})", R"("secret")", R"({"message":"secret\ud800"})", R"({"secret)"}) {
      CPPUNIT_ASSERT_MESSAGE(text, sentence(text).find("secret") == std::string::npos);
      CPPUNIT_ASSERT_MESSAGE(text, utf8::IsValid(sentence(text)) && sentence(text).back() == '.');
    }
  }

  void PassesOnWhatTheSourceThrows() {
    class Failing : public io::ByteSource {
     public:
      explicit Failing(int good_reads) : left_(good_reads) {}
      std::size_t Read(std::span<char> buffer) override {
        if (left_-- == 0) throw std::runtime_error("gone");
        buffer[0] = ' ';
        return 1;
      }

     private:
      int left_;
    };
    for (const int good_reads : {0, 1}) {
      Failing source(good_reads);
      CPPUNIT_ASSERT_THROW((void)ReadStringMember(source, "message", kLimits), std::runtime_error);
    }
  }

  void ReadsTheSourceToItsEnd() {
    io::MemorySource source(R"({"message":"a"}      )", 3);
    CPPUNIT_ASSERT_EQUAL(std::string("value: a"), Show(ReadStringMember(source, "message", kLimits)));
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, source.Left());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(JsonTest);

}  // namespace
}  // namespace hashpost::json
