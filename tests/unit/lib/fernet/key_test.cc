#include "lib/fernet/key.h"

#include <cppunit/extensions/HelperMacros.h>

#include "lib/base64/base64.h"

namespace hashpost::fernet {
namespace {

// The key of the specification's vectors, which has digits of both kinds; its two spellings.
const std::string kUrlSafe = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
const std::string kStandard = "cw/0x689RpI+jtRR7oE8h/eQsKImvJapLeSbXpwF4e4=";
// `printf … | base64 -d | sha256sum | cut -c 1-16`
const std::string kFingerprint = "cbeb362f1fa69a66";

KeyFault FaultOf(const std::string& text) {
  try {
    (void)Keys::Parse(text);
  } catch (const KeyError& error) {
    return error.fault();
  }
  CPPUNIT_FAIL("taken: " + text);
  return {};
}

std::string SentenceOf(const std::string& text) {
  try {
    (void)Keys::Parse(text);
  } catch (const KeyError& error) {
    return error.what();
  }
  return "taken";
}

class FernetKeyTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(FernetKeyTest);
  CPPUNIT_TEST(TakesBothAlphabetsAndALineBreak);
  CPPUNIT_TEST(HasAFingerprintThatIsNotTheKey);
  CPPUNIT_TEST(SignsWithTheFirstHalfAndEncryptsWithTheSecond);
  CPPUNIT_TEST(GeneratesKeysThatDifferAndCanBeReadAgain);
  CPPUNIT_TEST(TakesSeveralKeysTheFirstSeals);
  CPPUNIT_TEST(TakesSixteenKeysAndNoMore);
  CPPUNIT_TEST(RefusesWhatIsNoKey);
  CPPUNIT_TEST(NamesTheLineAndShowsNothingOfIt);
  CPPUNIT_TEST_SUITE_END();

 public:
  void TakesBothAlphabetsAndALineBreak() {
    for (const std::string& text : {kUrlSafe, kStandard, kUrlSafe + "\n", kStandard + "\n",
                                    kStandard + "\r\n", "\n" + kUrlSafe + "\n\n", kStandard + "\n \t\n"}) {
      const Keys keys = Keys::Parse(text);
      CPPUNIT_ASSERT_EQUAL(std::size_t{1}, keys.All().size());
      CPPUNIT_ASSERT_EQUAL(kUrlSafe, keys.Sealing().Text());
    }
  }

  void HasAFingerprintThatIsNotTheKey() {
    CPPUNIT_ASSERT_EQUAL(kFingerprint, Key::Parse(kUrlSafe).Fingerprint());
    CPPUNIT_ASSERT_EQUAL(kFingerprint, Key::Parse(kStandard).Fingerprint());
  }

  void SignsWithTheFirstHalfAndEncryptsWithTheSecond() {
    const Key key("0123456789abcdef0123456789ABCDEF");
    CPPUNIT_ASSERT_EQUAL(std::string("0123456789abcdef"), std::string(key.SigningHalf()));
    CPPUNIT_ASSERT_EQUAL(std::string("0123456789ABCDEF"), std::string(key.EncryptionHalf()));
    CPPUNIT_ASSERT_THROW(Key("0123456789abcdef0123456789ABCDE"), std::invalid_argument);
    CPPUNIT_ASSERT_THROW(Key("0123456789abcdef0123456789ABCDEFG"), std::invalid_argument);
  }

  void GeneratesKeysThatDifferAndCanBeReadAgain() {
    const Key one = Key::Generate();
    const Key two = Key::Generate();
    CPPUNIT_ASSERT(!(one == two));
    CPPUNIT_ASSERT(Key::Parse(one.Text()) == one);
    CPPUNIT_ASSERT(one.Fingerprint() != two.Fingerprint());
  }

  void TakesSeveralKeysTheFirstSeals() {
    const Key fresh = Key::Generate();
    const Keys keys = Keys::Parse(fresh.Text() + "\r\n\n" + kStandard + "\n" + kUrlSafe);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, keys.All().size());  // the third spells the second
    CPPUNIT_ASSERT(keys.Sealing() == fresh);
    CPPUNIT_ASSERT_EQUAL(kUrlSafe, keys.All()[1].Text());
  }

  void TakesSixteenKeysAndNoMore() {
    std::string text;
    for (std::size_t i = 0; i < Keys::kMax; ++i) text += Key::Generate().Text() + "\n";
    CPPUNIT_ASSERT_EQUAL(Keys::kMax, Keys::Parse(text).All().size());
    CPPUNIT_ASSERT(FaultOf(text + kUrlSafe) == KeyFault::kTooMany);
  }

  void RefusesWhatIsNoKey() {
    for (const char* text : {"", "\n", " ", "\r\n\r\n\t"}) CPPUNIT_ASSERT(FaultOf(text) == KeyFault::kEmpty);
    std::string stray_bits = kUrlSafe;
    stray_bits[42] = '5';
    const std::string bad[] = {
        "x",
        kUrlSafe.substr(0, 43),
        kUrlSafe + "=",
        kUrlSafe + kUrlSafe,
        kUrlSafe + " ",
        " " + kUrlSafe,
        "\xef\xbb\xbf" + kUrlSafe,
        stray_bits,
        "cw/0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=",  // one alphabet at a time
        "cw*0x689RpI+jtRR7oE8h/eQsKImvJapLeSbXpwF4e4=",
        base64::Encode(std::string(31, 'k')),
        base64::Encode(std::string(33, 'k')),
        base64::Encode(std::string(64, 'k')),
        std::string(44, '\0'),
        std::string(44, '='),
        kUrlSafe + "\n# the old one\n",
    };
    for (const std::string& text : bad) CPPUNIT_ASSERT(FaultOf(text) == KeyFault::kMalformed);
  }

  void NamesTheLineAndShowsNothingOfIt() {
    const std::string sentence = SentenceOf(kUrlSafe + "\n\nSECRETSECRET");
    CPPUNIT_ASSERT_MESSAGE(sentence, sentence.starts_with("Line 3 is no key. It has 12 characters"));
    for (const std::string& text :
         {std::string("SECRETSECRET"), "SECRETS*" + std::string(36, 'R'),
          base64::Encode(std::string(31, 'S')), base64::Encode(std::string(33, 'S'))}) {
      for (std::size_t at = 0; at + 4 <= text.size(); ++at) {
        CPPUNIT_ASSERT(SentenceOf(text).find(text.substr(at, 4)) == std::string::npos);
      }
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FernetKeyTest);

}  // namespace
}  // namespace hashpost::fernet
