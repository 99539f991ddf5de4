#include "lib/json/json.h"

#include <cppunit/extensions/HelperMacros.h>

#include <map>
#include <stdexcept>
#include <vector>

#include "tests/unit/lib/json/memory_streams.h"

namespace hashpost::json {
namespace {

using Outcome = std::variant<std::string, ParseFault>;

constexpr Limits kLimits{.max_value_bytes = 1000, .max_depth = 64};

// Texts may hold NULs; a literal's array knows its length.
template <std::size_t N>
std::string Text(const char (&literal)[N]) {
  return std::string(literal, N - 1);
}

Outcome Read(std::string_view text, const Limits& limits = kLimits, std::size_t piece = SIZE_MAX) {
  io::MemorySource source(text, piece);
  return ReadStringMember(source, "message", limits);
}

std::string Show(const Outcome& outcome) {
  if (const auto* value = std::get_if<std::string>(&outcome)) return "value: " + *value;
  const auto& fault = std::get<ParseFault>(outcome);
  static const std::map<Fault, std::string> names = {
      {Fault::kMalformed, "malformed"}, {Fault::kNotUtf8, "not UTF-8"},      {Fault::kTooDeep, "too deep"},
      {Fault::kMissing, "missing"},     {Fault::kNotAnObject, "no object"},  {Fault::kDuplicate, "duplicate"},
      {Fault::kTooLong, "too long"},    {Fault::kNotAString, "not a string"}};
  return names.at(fault.fault);
}

// Each text is read whole and in pieces of one byte: where the pieces end must not matter.
void Check(const std::vector<std::pair<std::string, std::string>>& expected_by_text) {
  for (const auto& [text, expected] : expected_by_text) {
    CPPUNIT_ASSERT_EQUAL_MESSAGE(text, expected, Show(Read(text)));
    CPPUNIT_ASSERT_EQUAL_MESSAGE(text + " in pieces", expected, Show(Read(text, kLimits, 1)));
  }
}

void CheckAll(const std::vector<std::string>& texts, const std::string& expected) {
  std::vector<std::pair<std::string, std::string>> cases;
  for (const std::string& text : texts) cases.emplace_back(text, expected);
  Check(cases);
}

std::string Nested(int levels) {
  const auto count = static_cast<std::size_t>(levels);
  return R"({"message":"m","deep":)" + std::string(count, '[') + std::string(count, ']') + "}";
}

class JsonTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(JsonTest);
  CPPUNIT_TEST(PicksTheMemberAndIgnoresOthers);
  CPPUNIT_TEST(DecodesEscapes);
  CPPUNIT_TEST(KeepsNulThatIsEscaped);
  CPPUNIT_TEST(RefusesWhatIsNotJson);
  CPPUNIT_TEST(RefusesTextThatEndsTooEarly);
  CPPUNIT_TEST(RefusesRawNulAndWhateverFollowsTheValue);
  CPPUNIT_TEST(RefusesByteOrderMarksCompleteAndIncomplete);
  CPPUNIT_TEST(RefusesHalfSurrogatePairsEverywhere);
  CPPUNIT_TEST(RefusesInvalidUtf8Everywhere);
  CPPUNIT_TEST(AcceptsUnicodeUpToItsEnd);
  CPPUNIT_TEST(CountsOnlyTopLevelMembersAsDuplicates);
  CPPUNIT_TEST(NamesTheMemberThatIsMissing);
  CPPUNIT_TEST(RefusesValuesThatAreNotStrings);
  CPPUNIT_TEST(RefusesTopsThatAreNotObjects);
  CPPUNIT_TEST(BoundsDepth);
  CPPUNIT_TEST(SurvivesDepthThatWouldOverflowACallStack);
  CPPUNIT_TEST(BoundsTheValuesDecodedLength);
  CPPUNIT_TEST(ChecksNumbersWithoutComputingThem);
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

  void KeepsNulThatIsEscaped() {
    Check({{R"({"message":"\u0000"})", Text("value: \0")},
           {R"({"message":"a\u0000b"})", Text("value: a\0b")},
           {R"({"message\u0000":"a"})", "missing"},
           {R"({"message":"a","message\u0000":"b"})", "value: a"}});
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
          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xF8\x88\x80\x80\x80", "\xFE", "\xFF"}) {
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

  void ChecksNumbersWithoutComputingThem() {
    for (const std::string number :
         {"0", "-0", "10", "0.0", "-0.1", "1e5", "1E+5", "1e-5", "1e308", "1e-400",
          "123456789012345678901234567890", "128.74836467836484838364836483643636483648e-336", "0.1e309",
          "1e-99999999999999999999"}) {
      CheckAll({R"({"message":"a","n":)" + number + "}", R"({"message":"a","n":[)" + number + "]}"},
               "value: a");
    }
    for (const std::string number :
         {"1e309", "1e400", "-1e400", "1e99999999999999999999", "01", "-", "+1", ".5", "1.", "1.e5", "1e",
          "1e+", "0x10", "--1", "1_000", "1,5", "\xD9\xA1"}) {
      CheckAll({R"({"message":"a","n":)" + number + "}"}, "malformed");
    }
    CheckAll({R"({"message":"a","n":)" + std::string(400, '9') + "}"}, "malformed");
    CheckAll({R"({"message":"a","n":0.)" + std::string(9000, '1') + "}"}, "value: a");
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
      CPPUNIT_ASSERT_MESSAGE(text, IsUtf8(sentence(text)) && sentence(text).back() == '.');
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
