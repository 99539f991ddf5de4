#include "lib/crypto/sha256.h"

#include <cppunit/extensions/HelperMacros.h>

#include <thread>
#include <utility>
#include <vector>

namespace hashpost::crypto {
namespace {

struct Vector {
  std::string bytes;
  const char* hex;
};

// FIPS 180-4 examples (NIST's "abc", two blocks, a million a), the empty message, and the clients' foo and
// bar.
const std::vector<Vector>& Vectors() {
  static const std::vector<Vector> vectors = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {std::string(1000000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
      {"foo", "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"},
      {"bar", "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9"},
      {std::string(1, '\0'), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
  };
  return vectors;
}

class Sha256Test : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(Sha256Test);
  CPPUNIT_TEST(HashesTheStandardsExamples);
  CPPUNIT_TEST(HashesPieceByPieceLikeInOneCall);
  CPPUNIT_TEST(StartsAfreshAfterFinish);
  CPPUNIT_TEST(MovesWithItsState);
  CPPUNIT_TEST(HashesInManyThreadsAtOnce);
  CPPUNIT_TEST(ReadsDigitsOfEitherCaseAndWritesLowerCase);
  CPPUNIT_TEST(RefusesWhatIsNotSixtyFourDigits);
  CPPUNIT_TEST(ShowsTheRawBytes);
  CPPUNIT_TEST(ComparesByValue);
  CPPUNIT_TEST_SUITE_END();

 public:
  void HashesTheStandardsExamples() {
    for (const Vector& vector : Vectors()) {
      CPPUNIT_ASSERT_EQUAL(std::string(vector.hex), HashSha256(vector.bytes).Hex());
    }
  }

  void HashesPieceByPieceLikeInOneCall() {
    for (const Vector& vector : Vectors()) {
      for (const std::size_t piece : {1, 63, 64, 65, 4096}) {
        if (piece == 1 && vector.bytes.size() > 1000) continue;
        Sha256 hash;
        for (std::size_t at = 0; at < vector.bytes.size(); at += piece) {
          hash.Update(std::string_view(vector.bytes).substr(at, piece));
        }
        CPPUNIT_ASSERT_EQUAL(std::string(vector.hex), hash.Finish().Hex());
      }
    }
  }

  void StartsAfreshAfterFinish() {
    Sha256 hash;
    for (const Vector& vector : Vectors()) {
      hash.Update(vector.bytes);
      CPPUNIT_ASSERT_EQUAL(std::string(vector.hex), hash.Finish().Hex());
    }
  }

  void MovesWithItsState() {
    Sha256 first;
    first.Update("fo");
    Sha256 second(std::move(first));
    second.Update("o");
    CPPUNIT_ASSERT(HashSha256("foo") == second.Finish());
  }

  void HashesInManyThreadsAtOnce() {
    std::vector<int> wrong(8, 0);
    std::vector<std::thread> threads;
    for (int& count : wrong) {
      threads.emplace_back([&count] {
        for (int i = 0; i < 2000; ++i) {
          const Vector& vector = Vectors()[static_cast<std::size_t>(i) % 3];
          if (HashSha256(vector.bytes).Hex() != vector.hex) ++count;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const int count : wrong) CPPUNIT_ASSERT_EQUAL(0, count);
  }

  void ReadsDigitsOfEitherCaseAndWritesLowerCase() {
    const std::string lower = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
    const std::string upper = "2C26B46B68FFC68FF99B453C1D30413413422D706483BFA0F98A5E886266E7AE";
    for (const std::string& hex : {lower, upper, lower.substr(0, 32) + upper.substr(32)}) {
      const auto digest = Sha256Digest::FromHex(hex);
      CPPUNIT_ASSERT(digest.has_value());
      CPPUNIT_ASSERT_EQUAL(lower, digest->Hex());
      CPPUNIT_ASSERT(HashSha256("foo") == *digest);
    }
  }

  void RefusesWhatIsNotSixtyFourDigits() {
    const std::string good(64, 'a');
    std::vector<std::string> bad = {"", "a", std::string(63, 'a'), std::string(65, 'a'),
                                    std::string(128, 'a')};
    for (const char wrong : {'g', 'G', '/', ':', '@', '`', ' ', '\0', '-', '\xff'}) {
      for (const std::size_t at : {0, 31, 63}) {
        bad.push_back(good);
        bad.back()[at] = wrong;
      }
    }
    for (const std::string& hex : bad) {
      CPPUNIT_ASSERT_MESSAGE(hex, !Sha256Digest::FromHex(hex).has_value());
    }
  }

  void ShowsTheRawBytes() {
    const auto digest = Sha256Digest::FromHex("00ff" + std::string(60, '1'));
    const std::string expected = std::string("\0\xff", 2) + std::string(30, '\x11');
    CPPUNIT_ASSERT_EQUAL(expected, std::string(digest.value().Bytes()));
  }

  void ComparesByValue() {
    CPPUNIT_ASSERT(Sha256Digest() == Sha256Digest::FromHex(std::string(64, '0')));
    CPPUNIT_ASSERT(HashSha256("foo") != HashSha256("bar"));
    CPPUNIT_ASSERT(HashSha256("foo") < HashSha256("bar"));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(Sha256Test);

}  // namespace
}  // namespace hashpost::crypto
