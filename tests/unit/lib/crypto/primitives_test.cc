// What Fernet is made of, against the examples of the standards.

#include <cppunit/extensions/HelperMacros.h>

#include <stdexcept>
#include <vector>

#include "lib/crypto/aes_cbc.h"
#include "lib/crypto/hmac_sha256.h"

namespace hashpost::crypto {
namespace {

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// NIST SP 800-38A, F.2.1.
const std::string kAesKey = FromHex("2b7e151628aed2a6abf7158809cf4f3c");
const std::string kIv = FromHex("000102030405060708090a0b0c0d0e0f");
const std::string kPlain = FromHex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
const std::string kSealed = FromHex(
    "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
    "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7");

// All of `bytes` in pieces of `piece`, and the end; nullopt if the padding is none.
std::optional<std::string> Run(AesCbc cipher, std::string_view bytes, std::size_t piece) {
  std::string out;
  std::string buffer(piece + AesCbc::kBlockSize, '\0');
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    out.append(buffer.data(), cipher.Update(bytes.substr(at, piece), buffer.data()));
  }
  const std::optional<std::size_t> size = cipher.Finish(buffer.data());
  if (!size) return std::nullopt;
  return out.append(buffer.data(), *size);
}

class FernetPrimitivesTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(FernetPrimitivesTest);
  CPPUNIT_TEST(HmacGivesTheCodesOfRfc4231);
  CPPUNIT_TEST(ComparesBytesOfEqualLength);
  CPPUNIT_TEST(AesEncryptsAndDecryptsTheStandardsExample);
  CPPUNIT_TEST(AesRefusesWhatIsNotPadded);
  CPPUNIT_TEST(AesTakesKeysAndIvsOfSixteenBytesOnly);
  CPPUNIT_TEST_SUITE_END();

 public:
  void HmacGivesTheCodesOfRfc4231() {
    const std::vector<std::vector<std::string>> cases = {
        {std::string(20, '\x0b'), "Hi There",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"Jefe", "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    };
    for (const auto& test : cases) {
      HmacSha256 hmac(test[0]);
      for (const char byte : test[1]) hmac.Update({&byte, 1});
      const HmacSha256::Code code = hmac.Finish();
      CPPUNIT_ASSERT(FromHex(test[2]) == std::string_view(code.data(), code.size()));
    }
  }

  void ComparesBytesOfEqualLength() {
    CPPUNIT_ASSERT(EqualInConstantTime("abc", "abc"));
    CPPUNIT_ASSERT(EqualInConstantTime("", ""));
    CPPUNIT_ASSERT(!EqualInConstantTime("abc", "abd"));
    CPPUNIT_ASSERT(!EqualInConstantTime("abc", "abcd"));
    CPPUNIT_ASSERT(!EqualInConstantTime("abc", ""));
  }

  void AesEncryptsAndDecryptsTheStandardsExample() {
    for (const std::size_t piece : {1, 15, 16, 17, 64}) {
      const auto sealed = Run(AesCbc::Encryptor(kAesKey, kIv), kPlain, piece);
      CPPUNIT_ASSERT(sealed.has_value());
      CPPUNIT_ASSERT_EQUAL(kSealed.size() + AesCbc::kBlockSize, sealed->size());
      CPPUNIT_ASSERT(sealed->starts_with(kSealed));
      CPPUNIT_ASSERT(Run(AesCbc::Decryptor(kAesKey, kIv), *sealed, piece) == kPlain);
    }
  }

  void AesRefusesWhatIsNotPadded() {
    CPPUNIT_ASSERT(!Run(AesCbc::Decryptor(kAesKey, kIv), kSealed, 16));
    CPPUNIT_ASSERT(!Run(AesCbc::Decryptor(kAesKey, kIv), kSealed.substr(0, 17), 16));
    CPPUNIT_ASSERT(!Run(AesCbc::Decryptor(kAesKey, kIv), "", 16));
  }

  void AesTakesKeysAndIvsOfSixteenBytesOnly() {
    CPPUNIT_ASSERT_THROW((void)AesCbc::Encryptor(kAesKey.substr(1), kIv), std::invalid_argument);
    CPPUNIT_ASSERT_THROW((void)AesCbc::Decryptor(kAesKey, kIv + "x"), std::invalid_argument);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FernetPrimitivesTest);

}  // namespace
}  // namespace hashpost::crypto
