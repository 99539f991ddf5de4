#include "lib/utf8/utf8.h"

#include <cppunit/extensions/HelperMacros.h>

#include <vector>

namespace hashpost::utf8 {
namespace {

std::string Encode(std::uint32_t code) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | ((code >> shift) & 0x3F)); };
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) return {static_cast<char>(0xC0 | (code >> 6)), tail(0)};
  if (code < 0x10000) return {static_cast<char>(0xE0 | (code >> 12)), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | (code >> 18)), tail(12), tail(6), tail(0)};
}

class Utf8Test : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(Utf8Test);
  CPPUNIT_TEST(AcceptsEveryCharacterAndNoSurrogate);
  CPPUNIT_TEST(AcceptsExactlyTheFormsOfRfc3629AmongAllPairsAndTriples);
  CPPUNIT_TEST(RefusesBadBytesAtEveryPosition);
  CPPUNIT_TEST(ReplacesEachRunOfBadBytesByOneCharacter);
  CPPUNIT_TEST(ReplacesWhatATerminalObeys);
  CPPUNIT_TEST(FindsWhatATerminalObeysButTheJoinersOfWords);
  CPPUNIT_TEST(CutsPrintableTextAtACharactersBorder);
  CPPUNIT_TEST_SUITE_END();

 public:
  void AcceptsEveryCharacterAndNoSurrogate() {
    for (std::uint32_t code = 0; code < 0x120000; ++code) {
      const bool is_character = code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(std::to_string(code), is_character, IsValid(Encode(code)));
    }
  }

  // Counts what the RFC's grammar allows: 128 ASCII; 1920 of two bytes; 61440 of three.
  void AcceptsExactlyTheFormsOfRfc3629AmongAllPairsAndTriples() {
    int pairs = 0;
    int triples = 0;
    std::string text(3, '\0');
    for (int i = 0; i < 1 << 24; ++i) {
      text[0] = static_cast<char>(i >> 16);
      text[1] = static_cast<char>(i >> 8);
      text[2] = static_cast<char>(i);
      if ((i & 0xFF) == 0 && IsValid(std::string_view(text).substr(0, 2))) ++pairs;
      if (IsValid(text)) ++triples;
    }
    CPPUNIT_ASSERT_EQUAL(128 * 128 + 1920, pairs);
    CPPUNIT_ASSERT_EQUAL(128 * 128 * 128 + 2 * 128 * 1920 + 61440, triples);
  }

  void RefusesBadBytesAtEveryPosition() {
    for (const std::string bad :
         {"\xFF", "\x80", "\xC0\x80", "\xE2\x82", "\xED\xA0\x80", "\xF4\x90\x80\x80"}) {
      for (std::size_t at = 0; at < 40; ++at) {
        for (const std::string& fill : {std::string(40, 'a'), std::string(40, '\0')}) {
          CPPUNIT_ASSERT(IsValid(fill));
          CPPUNIT_ASSERT(!IsValid(fill.substr(0, at) + bad + fill.substr(at)));
          CPPUNIT_ASSERT(!IsValid(fill.substr(0, at) + bad));
          CPPUNIT_ASSERT(!IsValid(fill.substr(0, at) + "\u00e9\u20ac" + bad + "\U0001F600"));
        }
      }
    }
  }

  void ReplacesEachRunOfBadBytesByOneCharacter() {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"", ""},
        {"plain", "plain"},
        {"\u00e9\u20ac\U0001F600", "\u00e9\u20ac\U0001F600"},
        {"\xFF", "\uFFFD"},
        {"\xFF\xFE\x80", "\uFFFD"},
        {"a\xFF\xFE"
         "b\x80"
         "c",
         "a\uFFFDb\uFFFDc"},
        {"a\xE2\x82", "a\uFFFD"},
        {"\xE2\x82"
         "a",
         "\uFFFDa"},
        {"\xED\xA0\x80", "\uFFFD"},
        {"\xFF\uFFFD\xFF", "\uFFFD\uFFFD\uFFFD"},
    };
    for (const auto& [text, expected] : cases) CPPUNIT_ASSERT_EQUAL(expected, Printable(text, 100));
  }

  void ReplacesWhatATerminalObeys() {
    const std::u32string obeyed =
        U"\x1F\x7F\u0080\u009B\u009F\u00AD\u061C\u180E\u200B\u200F\u2028\u202E\u2060\u2069\uFEFF\uFFF9"
        U"\U000E0001";
    for (const char32_t code : obeyed)
      CPPUNIT_ASSERT_EQUAL_MESSAGE(std::to_string(code), std::string("a\uFFFDb"),
                                   Printable("a" + Encode(code) + "b", 100));
    const std::u32string shown =
        U" ~\u00A0\u00AE\u061B\u200A\u2010\u2030\u205F\u2070\uFEFE\uFFFC\U0001F600\U000E0100";
    for (const char32_t code : shown)
      CPPUNIT_ASSERT_EQUAL_MESSAGE(std::to_string(code), Encode(code), Printable(Encode(code), 100));
  }

  void FindsWhatATerminalObeysButTheJoinersOfWords() {
    for (const char32_t code : U"\x01\x1F\x7F\u009B\u061C\u200B\u200E\u202A\u202E\u2066\uFEFF\U000E0041") {
      CPPUNIT_ASSERT_MESSAGE(std::to_string(code), HasHiddenCharacter("\u00e9" + Encode(code) + "b"));
    }
    for (const std::string text : {"", "plain \\ ~", "\u00e9\u20ac\U0001F600", "\u0645\u06CC\u200C\u062E",
                                   "\U0001F469\u200D\U0001F4BB"})
      CPPUNIT_ASSERT_MESSAGE(text, !HasHiddenCharacter(text));
  }

  void CutsPrintableTextAtACharactersBorder() {
    const std::string text = "a\u00e9\u20ac\U0001F600\xFF";
    const std::vector<std::string> expected = {"",
                                               "a",
                                               "a",
                                               "a\u00e9",
                                               "a\u00e9",
                                               "a\u00e9",
                                               "a\u00e9\u20ac",
                                               "a\u00e9\u20ac",
                                               "a\u00e9\u20ac",
                                               "a\u00e9\u20ac",
                                               "a\u00e9\u20ac\U0001F600",
                                               "a\u00e9\u20ac\U0001F600",
                                               "a\u00e9\u20ac\U0001F600",
                                               "a\u00e9\u20ac\U0001F600\uFFFD",
                                               "a\u00e9\u20ac\U0001F600\uFFFD"};
    for (std::size_t max = 0; max < expected.size(); ++max)
      CPPUNIT_ASSERT_EQUAL(expected[max], Printable(text, max));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(Utf8Test);

}  // namespace
}  // namespace hashpost::utf8
