// What Verifier refuses.

#include <cppunit/extensions/HelperMacros.h>

#include "lib/fernet/open.h"
#include "tests/unit/lib/fernet/tokens.h"

namespace hashpost::fernet {
namespace {

using std::chrono::seconds;

// What the reader decodes at a time, as bytes.
constexpr std::size_t kPiece = std::size_t{96} * 1024;

class FernetRefusalTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(FernetRefusalTest);
  CPPUNIT_TEST(RefusesTheInvalidTokensOfTheSpecification);
  CPPUNIT_TEST(RefusesATokenCutAnywhere);
  CPPUNIT_TEST(RefusesEveryFlippedBitOfTheText);
  CPPUNIT_TEST(RefusesEveryFlippedBitOfTheBytes);
  CPPUNIT_TEST(RefusesABigTokenWithOneFlippedBit);
  CPPUNIT_TEST(SaysEarlyThatSomethingIsNoToken);
  CPPUNIT_TEST(RefusesAuthenticTokensThatWereMadeWrongly);
  CPPUNIT_TEST(ShowsNothingOfKeyOrContent);
  CPPUNIT_TEST_SUITE_END();

 public:
  // The tokens of the specification's invalid.json, in its order.
  void RefusesTheInvalidTokensOfTheSpecification() {
    const std::string start = "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD";
    const AgeLimit limit{seconds(60), kSpecificationTime + 1};
    const AgeLimit late{seconds(60), kSpecificationTime + 91};
    const std::string good = start + "3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==";
    ExpectFault(TokenFault::kSignature,
                start + "3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==", limit);
    ExpectFault(TokenFault::kTooShort, start + "3HkMATM5lFqGaerZ-fWPA==", limit);
    ExpectFault(TokenFault::kNotBase64, "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD" + good.substr(start.size()),
                limit);
    ExpectFault(TokenFault::kTooShort,
                start + "3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm", limit);
    ExpectFault(TokenFault::kPadding,
                start + "z4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==", limit);
    ExpectFault(TokenFault::kFuture,
                "gAAAAAAdwStRAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAnja1xKYyhd-Y6mSkTOyTGJmw2Xc2a6kBd-"
                "iX9b_qXQcw==",
                limit);
    ExpectFault(TokenFault::kExpired, good, late);
    ExpectFault(TokenFault::kPadding,
                "gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-"
                "fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==",
                limit);
    CPPUNIT_ASSERT_EQUAL(std::string(),
                         Open(good, TestKeys()));  // without a limit it is fine, and seals nothing
  }

  void RefusesATokenCutAnywhere() {
    for (const std::string& plaintext : {std::string(), std::string("hello"), Noise(50)}) {
      const std::string token = Seal(plaintext, SpecificationKey(), SpecificationStamp());
      for (std::size_t size = 0; size < token.size(); ++size) {
        CPPUNIT_ASSERT(FaultOf(token.substr(0, size), TestKeys()).has_value());
        CPPUNIT_ASSERT(FaultOf(token.substr(token.size() - size), TestKeys()).has_value());
      }
    }
    ExpectFault(TokenFault::kEmpty, "");
    ExpectFault(TokenFault::kEmpty, "\n");
  }

  void RefusesEveryFlippedBitOfTheText() {
    for (const std::string& plaintext :
         {std::string(), Noise(16), Noise(32)}) {  // one for each length of padding
      const std::string token = Seal(plaintext, SpecificationKey(), SpecificationStamp());
      for (std::size_t bit = 0; bit < 8 * token.size(); ++bit) {
        std::string flipped = token;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        CPPUNIT_ASSERT_MESSAGE(flipped, FaultOf(flipped, TestKeys()).has_value());
      }
    }
  }

  void RefusesEveryFlippedBitOfTheBytes() {
    const std::string bytes = base64::Decode(kSpecificationToken, base64::Alphabet::kUrlSafe).value();
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      ExpectFault(bit < 8 ? TokenFault::kVersion : TokenFault::kSignature,
                  base64::Encode(flipped, base64::Alphabet::kUrlSafe));
    }
  }

  void RefusesABigTokenWithOneFlippedBit() {
    const std::string token = Seal(Noise(3 * kPiece), SpecificationKey(), SpecificationStamp());
    for (std::size_t at = 20; at + 50 < token.size(); at += 9973) {
      std::string changed = token;
      changed[at] = changed[at] == 'A' ? 'B' : 'A';
      ExpectFault(TokenFault::kSignature, changed);
      changed[at] = '=';
      ExpectFault(TokenFault::kNotBase64, changed);
    }
  }

  void SaysEarlyThatSomethingIsNoToken() {
    Verifier not_base64(TestKeys());
    CPPUNIT_ASSERT_THROW(not_base64.Write(std::string(200000, '*')), TokenError);
    Verifier not_fernet(TestKeys());
    CPPUNIT_ASSERT_THROW(not_fernet.Write(std::string(200000, 'A')), TokenError);
    ExpectFault(TokenFault::kVersion, std::string(200000, 'A'));
    ExpectFault(TokenFault::kVersion, base64::Encode(std::string(73, '\x81'), base64::Alphabet::kUrlSafe));
  }

  void RefusesAuthenticTokensThatWereMadeWrongly() {
    const std::string header = HeaderOf(SpecificationStamp());
    ExpectFault(TokenFault::kTooShort, SignedText(header, SpecificationKey()));
    ExpectFault(TokenFault::kTooShort, SignedText(header + std::string(15, 'x'), SpecificationKey()));
    ExpectFault(TokenFault::kPadding, SignedText(header + std::string(16, 'x'), SpecificationKey()));
    ExpectFault(TokenFault::kCut, SignedText(header + std::string(17, 'x'), SpecificationKey()));
    ExpectFault(TokenFault::kPadding, SignedText(header + std::string(320000, 'x'), SpecificationKey()));
    ExpectFault(TokenFault::kVersion,
                SignedText("\x81" + header.substr(1) + std::string(16, 'x'), SpecificationKey()));
  }

  void ShowsNothingOfKeyOrContent() {
    for (const std::string& text : {std::string("SECRETSECRET"), std::string("SECRET*"),
                                    Seal("x", Key::Generate(), SpecificationStamp())}) {
      try {
        (void)Verify(text, TestKeys());
        CPPUNIT_FAIL("taken");
      } catch (const TokenError& error) {
        const std::string sentence = error.what();
        CPPUNIT_ASSERT(sentence.find("SECRET") == std::string::npos);
        CPPUNIT_ASSERT(sentence.find(text.substr(0, 8)) == std::string::npos);
        CPPUNIT_ASSERT(sentence.ends_with("."));
      }
    }
  }

 private:
  static void ExpectFault(TokenFault fault, const std::string& text,
                          const std::optional<AgeLimit>& limit = std::nullopt) {
    CPPUNIT_ASSERT_MESSAGE(text.substr(0, 200), FaultOf(text, TestKeys(), limit) == fault);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FernetRefusalTest);

}  // namespace
}  // namespace hashpost::fernet
