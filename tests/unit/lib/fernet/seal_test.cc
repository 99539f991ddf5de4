#include "lib/fernet/seal.h"

#include <cppunit/extensions/HelperMacros.h>

#include <chrono>
#include <stdexcept>

#include "tests/unit/lib/fernet/tokens.h"

namespace hashpost::fernet {
namespace {

// What the sealer works on at a time.
constexpr std::size_t kPiece = std::size_t{96} * 1024;

class FullSink : public io::ByteSink {
 public:
  void Write(std::string_view) override { throw std::length_error("full"); }
};

class FernetSealTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(FernetSealTest);
  CPPUNIT_TEST(MakesTheTokenOfTheSpecification);
  CPPUNIT_TEST(MakesTheSameTokenWhateverThePieces);
  CPPUNIT_TEST(IsRightAroundTheBordersOfItsBuffers);
  CPPUNIT_TEST(KnowsTheSizeOfTheTokenBeforehand);
  CPPUNIT_TEST(WritesPiecesOfABoundedSize);
  CPPUNIT_TEST(TakesTimeAndIvFromTheSystem);
  CPPUNIT_TEST(LetsTheSinksErrorThrough);
  CPPUNIT_TEST_SUITE_END();

 public:
  void MakesTheTokenOfTheSpecification() {
    CPPUNIT_ASSERT_EQUAL(std::string(kSpecificationToken),
                         Seal("hello", SpecificationKey(), SpecificationStamp()));
  }

  void MakesTheSameTokenWhateverThePieces() {
    const std::string noise = Noise(3 * kPiece + 100);
    for (const std::size_t size : {0, 1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 1000}) {
      const std::string plaintext = noise.substr(0, size);
      const std::string expected = PlainestToken(plaintext, SpecificationKey(), SpecificationStamp());
      for (const std::size_t piece : {1, 2, 16, 1000}) {
        CPPUNIT_ASSERT_EQUAL(expected, Seal(plaintext, SpecificationKey(), SpecificationStamp(), piece));
      }
    }
    const std::string expected = PlainestToken(noise, SpecificationKey(), SpecificationStamp());
    for (const std::size_t piece :
         {std::size_t{1}, std::size_t{4095}, kPiece - 1, kPiece, kPiece + 1, noise.size()}) {
      CPPUNIT_ASSERT(expected == Seal(noise, SpecificationKey(), SpecificationStamp(), piece));
    }
  }

  void IsRightAroundTheBordersOfItsBuffers() {
    const std::string noise = Noise(2 * kPiece + 40);
    for (const std::size_t border : {kPiece, 2 * kPiece}) {
      for (std::size_t size = border - 70; size <= border + 40; ++size) {
        const std::string plaintext = noise.substr(0, size);
        CPPUNIT_ASSERT(PlainestToken(plaintext, SpecificationKey(), SpecificationStamp()) ==
                       Seal(plaintext, SpecificationKey(), SpecificationStamp(), 40000));
      }
    }
  }

  void KnowsTheSizeOfTheTokenBeforehand() {
    const std::string noise = Noise(200);
    for (std::size_t size = 0; size <= noise.size(); ++size) {
      CPPUNIT_ASSERT_EQUAL(
          TokenBytes(size),
          std::uint64_t{Seal(noise.substr(0, size), SpecificationKey(), SpecificationStamp()).size()});
    }
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{100}, TokenBytes(0));
    CPPUNIT_ASSERT_EQUAL((std::uint64_t{1} << 32) / 3 * 4 + 100, TokenBytes(std::uint64_t{1} << 32));
  }

  void WritesPiecesOfABoundedSize() {
    io::MemorySink token;
    Sealer sealer(SpecificationKey(), token);
    CPPUNIT_ASSERT(token.text.empty());
    sealer.Write(Noise(5 * kPiece));
    (void)sealer.Finish();
    CPPUNIT_ASSERT(token.largest_piece <= std::size_t{128} * 1024 + 100);
  }

  void TakesTimeAndIvFromTheSystem() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto before =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
    const Stamp one = Stamp::Now();
    const Stamp two = Stamp::Now();
    CPPUNIT_ASSERT(one.iv != two.iv);
    CPPUNIT_ASSERT(one.time >= before && two.time >= one.time && two.time <= before + 60);
  }

  void LetsTheSinksErrorThrough() {
    FullSink full;
    Sealer sealer(SpecificationKey(), full);
    sealer.Write("some");
    CPPUNIT_ASSERT_THROW(sealer.Finish(), std::length_error);
    Sealer long_one(SpecificationKey(), full);
    CPPUNIT_ASSERT_THROW(long_one.Write(Noise(kPiece)), std::length_error);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FernetSealTest);

}  // namespace
}  // namespace hashpost::fernet
