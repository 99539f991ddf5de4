#include "lib/base64/base64.h"

#include <cppunit/extensions/HelperMacros.h>

#include <utility>
#include <vector>

namespace hashpost::base64 {
namespace {

struct Pair {
  std::string bytes;
  std::string text;
};

// RFC 4648 §10, and the two characters that differ between alphabets.
const std::vector<Pair>& Pairs() {
  static const std::vector<Pair> pairs = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
      {"\xfb\xff\xfe", "+//+"},
      {std::string(3, '\0'), "AAAA"},
      {std::string(1, '\0'), "AA=="},
  };
  return pairs;
}

class Base64Test : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(Base64Test);
  CPPUNIT_TEST(EncodesAndDecodesTheStandardsExamples);
  CPPUNIT_TEST(GivesBackBytesOfEveryLength);
  CPPUNIT_TEST(RefusesWhatIsNotCanonical);
  CPPUNIT_TEST(KnowsTheUrlSafeAlphabet);
  CPPUNIT_TEST(TakesExactlyTheDigitsOfItsAlphabet);
  CPPUNIT_TEST(WorksInWholeGroups);
  CPPUNIT_TEST_SUITE_END();

 public:
  void EncodesAndDecodesTheStandardsExamples() {
    for (const Pair& pair : Pairs()) {
      CPPUNIT_ASSERT_EQUAL(pair.text, Encode(pair.bytes));
      const auto bytes = Decode(pair.text);
      CPPUNIT_ASSERT_MESSAGE(pair.text, bytes.has_value());
      CPPUNIT_ASSERT_EQUAL(pair.bytes, *bytes);
    }
  }

  void GivesBackBytesOfEveryLength() {
    std::string bytes;
    for (int i = 0; i < 600; ++i) {
      CPPUNIT_ASSERT(Decode(Encode(bytes)) == bytes);
      bytes.push_back(static_cast<char>(i * 7));
    }
  }

  void RefusesWhatIsNotCanonical() {
    const std::vector<std::string> bad = {
        "Z",
        "Zg",
        "Zg=",
        "Zm9",
        "Zm9vY",  // wrong length, no padding
        "====",
        "Z===",
        "=Zm9",
        "Zg==Zg==",
        "Zm8=Zm8=",  // padding in the wrong place
        "Zm9v====",
        "Zg=v",
        "Zm9v=",
        "Zm9vZg=",  //
        "Zh==",
        "Zm9=",
        "Zn==",
        "AB==",
        "AAB=",  // bits that belong to no byte
        " Zm9v",
        "Zm9v ",
        "Zm9v\n",
        " Zg=",
        "Zm9v\r\n\r\n",  // white space
        "Zm 9",
        "Zm\n9",
        "Zm9v    ",
        "    Zm9v",
        "\tZm9vZg",  //
        "-__-",
        "_w==",
        "Zm9*",
        "Zm9\xff",
        "Zm9%",  // foreign characters
        std::string("Zm9\0", 4),
        "Zg=-",
        "Zm9v-AAA",
        "Zg==\n\n\n\n",
    };
    for (const std::string& text : bad) CPPUNIT_ASSERT_MESSAGE(text, !Decode(text).has_value());
  }

  void KnowsTheUrlSafeAlphabet() {
    const std::string bytes = "\xfb\xff\xfe\xff";
    CPPUNIT_ASSERT_EQUAL(std::string("-__-_w=="), Encode(bytes, Alphabet::kUrlSafe));
    CPPUNIT_ASSERT(Decode("-__-_w==", Alphabet::kUrlSafe) == bytes);
    for (const char* text : {"+//+/w==", "-__-_x==", "-__-_w", "-_/-_w==", "-__-_w==\n"}) {
      CPPUNIT_ASSERT_MESSAGE(text, !Decode(text, Alphabet::kUrlSafe));
    }
  }

  void TakesExactlyTheDigitsOfItsAlphabet() {
    const std::string common = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    for (const auto& [alphabet, digits] :
         {std::pair(Alphabet::kStandard, common + "+/"), std::pair(Alphabet::kUrlSafe, common + "-_")}) {
      for (std::size_t place = 0; place < 4; ++place) {
        for (int byte = 0; byte < 256; ++byte) {
          std::string text = "AAAAAAAA";
          text[place] = static_cast<char>(byte);
          const bool is_digit = digits.find(static_cast<char>(byte)) != std::string::npos;
          const auto bytes = Decode(text, alphabet);
          CPPUNIT_ASSERT_EQUAL(is_digit, bytes.has_value());
          if (bytes) CPPUNIT_ASSERT_EQUAL(text, Encode(*bytes, alphabet));
        }
      }
    }
  }

  void WorksInWholeGroups() {
    std::string text(8, '.');
    EncodeGroups("foobar", Alphabet::kStandard, text.data());
    CPPUNIT_ASSERT_EQUAL(std::string("Zm9vYmFy"), text);
    std::string bytes(6, '.');
    CPPUNIT_ASSERT(DecodeGroups(text, Alphabet::kStandard, bytes.data()));
    CPPUNIT_ASSERT_EQUAL(std::string("foobar"), bytes);
    CPPUNIT_ASSERT(!DecodeGroups("Zm9vYm8=", Alphabet::kStandard, bytes.data()));
    CPPUNIT_ASSERT(DecodeGroups("", Alphabet::kStandard, bytes.data()));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(Base64Test);

}  // namespace
}  // namespace hashpost::base64
