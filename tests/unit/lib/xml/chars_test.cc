#include "lib/xml/chars.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

namespace hashpost::xml {
namespace {

class CharsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(CharsTest);
  CPPUNIT_TEST(KnowsNames);
  CPPUNIT_TEST(KnowsDigitsOfEveryScript);
  CPPUNIT_TEST(FindsWhatXmlCannotHold);
  CPPUNIT_TEST_SUITE_END();

 public:
  void KnowsNames() {
    for (const std::string good :
         {"a", "_", "a-b", "a.b", "a1", "xml", "é", "aé", "日本", "π", "e\u0301", "a\u00b7"}) {
      CPPUNIT_ASSERT_MESSAGE(good, IsName(good));
    }
    // (U+1E9E and U+10000 are names only since the fifth edition.)
    for (const std::string bad :
         {"",       "-a",      ".a",      "1",          "1a",         "a b",         " a",
          "a ",     "a:b",     ":a",      "<x>",        "a&",         "a\n",         "a/",
          "\u0301", "\u00b7a", "a\u00d7", "\U0001F600", "\U00010000", "a\U00010000", "\u1e9f\u2c00"}) {
      CPPUNIT_ASSERT_MESSAGE(bad, !IsName(bad));
    }
    CPPUNIT_ASSERT(!IsName(std::string_view("a\0", 2)));
  }

  void KnowsDigitsOfEveryScript() {
    CPPUNIT_ASSERT(IsDigits("0") && IsDigits("0123456789") && IsDigits("٣") && IsDigits("1٣"));
    for (const std::string bad : {"", "-1", "1.5", "1 2", "1a", "²", " 1"})
      CPPUNIT_ASSERT_MESSAGE(bad, !IsDigits(bad));
  }

  void FindsWhatXmlCannotHold() {
    for (const std::string good :
         {"", "a", "\t\n\r", "\x7f", "\u0080", "\ue000", "\uf000", "\ufffd", "\U0010ffff", "\ufeff"}) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(good, good.size(), FindNonXml(good));
    }
    for (int byte = 0; byte < 0x20; ++byte) {
      if (byte == '\t' || byte == '\n' || byte == '\r') continue;
      CPPUNIT_ASSERT_EQUAL(std::size_t{4}, FindNonXml(std::string("aé\n") + static_cast<char>(byte) + "b"));
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, FindNonXml("\ufffd\ufffe"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, FindNonXml("a\uffff\x01"));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CharsTest);

}  // namespace
}  // namespace hashpost::xml
