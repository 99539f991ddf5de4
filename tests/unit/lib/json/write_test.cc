#include <cppunit/extensions/HelperMacros.h>

#include <vector>

#include "lib/json/json.h"
#include "tests/unit/lib/json/memory_streams.h"

namespace hashpost::json {
namespace {

std::string Written(std::string_view utf8) {
  io::MemorySink sink;
  WriteString(sink, utf8, StringSize(utf8));
  return sink.text;
}

std::string Appended(std::string_view utf8) {
  std::string out = "before";
  AppendString(out, utf8);
  return out;
}

class WriteTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(WriteTest);
  CPPUNIT_TEST(EscapesWhatJsonWantsEscapedAndNothingElse);
  CPPUNIT_TEST(KnowsTheSizeBeforehand);
  CPPUNIT_TEST(WritesWhatTheReaderReadsBack);
  CPPUNIT_TEST(WritesLongStringsInPieces);
  CPPUNIT_TEST_SUITE_END();

 public:
  void EscapesWhatJsonWantsEscapedAndNothingElse() {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"", R"("")"},
        {"foo", R"("foo")"},
        {"\"\\/", R"("\"\\/")"},
        {"\b\f\n\r\t", R"("\b\f\n\r\t")"},
        {std::string("\0\x01\x1f\x7f", 4), "\"\\u0000\\u0001\\u001F\x7f\""},
        {"\u00e9\u20ac\u2028\U0001F600", "\"\u00e9\u20ac\u2028\U0001F600\""},
    };
    for (const auto& [text, expected] : cases) {
      CPPUNIT_ASSERT_EQUAL(expected, Written(text));
      CPPUNIT_ASSERT_EQUAL("before" + expected, Appended(text));
    }
  }

  void KnowsTheSizeBeforehand() {
    for (int byte = 0; byte < 0x80; ++byte) {
      for (const std::size_t count : {0, 1, 7, 100}) {
        const std::string text = std::string(count, static_cast<char>(byte)) + "\U0001F600x";
        CPPUNIT_ASSERT_EQUAL(Written(text).size(), StringSize(text));
        CPPUNIT_ASSERT_EQUAL(Written(text), Appended(text).substr(6));
      }
    }
  }

  void WritesWhatTheReaderReadsBack() {
    std::string text = "\u00e9\u20ac\U0010FFFF\U0001F600";
    for (int byte = 0; byte < 0x80; ++byte) text.push_back(static_cast<char>(byte));
    for (int doubling = 0; doubling < 10; ++doubling) {
      const std::string json = "{\"message\":" + Written(text) + "}";
      io::MemorySource source(json);
      const auto outcome = ReadStringMember(source, "message", Limits{.max_value_bytes = text.size()});
      CPPUNIT_ASSERT(std::get<std::string>(outcome) == text);
      text += text;
    }
  }

  void WritesLongStringsInPieces() {
    for (const char byte : {'x', '"', '\0'}) {
      const std::string text(100'000, byte);
      io::MemorySink sink;
      WriteString(sink, text, StringSize(text));
      CPPUNIT_ASSERT_EQUAL(StringSize(text), sink.text.size());
      CPPUNIT_ASSERT(sink.largest_piece <=
                     (byte == 'x' ? text.size() : 16384));  // plain: from where it stands
      CPPUNIT_ASSERT(sink.text == Appended(text).substr(6));
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(WriteTest);

}  // namespace
}  // namespace hashpost::json
