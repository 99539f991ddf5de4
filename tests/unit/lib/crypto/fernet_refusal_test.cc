// What FernetVerifier refuses.

#include <cppunit/extensions/HelperMacros.h>

#include "lib/crypto/fernet_open.h"
#include "tests/unit/lib/crypto/fernet_tokens.h"

namespace hashpost::crypto {
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
    const FernetAgeLimit limit{seconds(60), kSpecificationTime + 1};
    const FernetAgeLimit late{seconds(60), kSpecificationTime + 91};
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
    CPPUNIT_ASSERT_EQUAL(std::string(), Open(good, Keys()));  // without a limit it is fine, and seals nothing
  }

  void RefusesATokenCutAnywhere() {
    for (const std::string& plaintext : {std::string(), std::string("hello"), Noise(50)}) {
      const std::string token = Seal(plaintext, SpecificationKey(), SpecificationStamp());
      for (std::size_t size = 0; size < token.size(); ++size) {
        CPPUNIT_ASSERT(FaultOf(token.substr(0, size), Keys()).has_value());
        CPPUNIT_ASSERT(FaultOf(token.substr(token.size() - size), Keys()).has_value());
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
        CPPUNIT_ASSERT_MESSAGE(flipped, FaultOf(flipped, Keys()).has_value());
      }
    }
  }

  void RefusesEveryFlippedBitOfTheBytes() {
    const std::string bytes = DecodeBase64(kSpecificationToken, Base64Alphabet::kUrlSafe).value();
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      ExpectFault(bit < 8 ? TokenFault::kVersion : TokenFault::kSignature,
                  EncodeBase64(flipped, Base64Alphabet::kUrlSafe));
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
    FernetVerifier not_base64(Keys());
    CPPUNIT_ASSERT_THROW(not_base64.Write(std::string(200000, '*')), FernetError);
    FernetVerifier not_fernet(Keys());
    CPPUNIT_ASSERT_THROW(not_fernet.Write(std::string(200000, 'A')), FernetError);
    ExpectFault(TokenFault::kVersion, std::string(200000, 'A'));
    ExpectFault(TokenFault::kVersion, EncodeBase64(std::string(73, '\x81'), Base64Alphabet::kUrlSafe));
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
                                    Seal("x", FernetKey::Generate(), SpecificationStamp())}) {
      try {
        (void)Verify(text, Keys());
        CPPUNIT_FAIL("taken");
      } catch (const FernetError& error) {
        const std::string sentence = error.what();
        CPPUNIT_ASSERT(sentence.find("SECRET") == std::string::npos);
        CPPUNIT_ASSERT(sentence.find(text.substr(0, 8)) == std::string::npos);
        CPPUNIT_ASSERT(sentence.ends_with("."));
      }
    }
  }

 private:
  static void ExpectFault(TokenFault fault, const std::string& text,
                          const std::optional<FernetAgeLimit>& limit = std::nullopt) {
    CPPUNIT_ASSERT_MESSAGE(text.substr(0, 200), FaultOf(text, Keys(), limit) == fault);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FernetRefusalTest);

}  // namespace
}  // namespace hashpost::crypto
