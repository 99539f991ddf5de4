#include "lib/fernet/open.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <limits>
#include <system_error>
#include <vector>

#include "lib/io/unique_fd.h"
#include "tests/unit/lib/fernet/open_file.h"
#include "tests/unit/lib/fernet/tokens.h"
#include "tests/unit/temp_folder.h"

namespace hashpost::fernet {
namespace {

using std::chrono::seconds;

// What the reader decodes at a time, as bytes.
constexpr std::size_t kPiece = std::size_t{96} * 1024;

std::string SealAt(std::string_view plaintext, std::uint64_t time) {
  Stamp stamp = SpecificationStamp();
  stamp.time = time;
  return Seal(plaintext, SpecificationKey(), stamp);
}

class FernetOpenTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(FernetOpenTest);
  CPPUNIT_TEST(OpensTheTokenOfTheSpecification);
  CPPUNIT_TEST(OpensEverySizeInAnyPieces);
  CPPUNIT_TEST(OpensAroundTheBordersOfItsBuffers);
  CPPUNIT_TEST(TakesOneLineBreakAtTheEndAndNoOtherDecoration);
  CPPUNIT_TEST(OpensWithAnyOfSeveralKeys);
  CPPUNIT_TEST(LimitsTheAgeOnlyIfAsked);
  CPPUNIT_TEST(OpensWhatTheVerifierSpooled);
  CPPUNIT_TEST(NoticesWhatWasChangedInTheSpool);
  CPPUNIT_TEST(OpensFiles);
  CPPUNIT_TEST_SUITE_END();

 public:
  void OpensTheTokenOfTheSpecification() {
    const VerifiedToken token =
        Verify(kSpecificationToken, TestKeys(), SIZE_MAX, AgeLimit{seconds(60), kSpecificationTime + 1});
    CPPUNIT_ASSERT_EQUAL(kSpecificationTime, token.Time());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{5}, token.PlaintextBytes());
    CPPUNIT_ASSERT(token.key() == SpecificationKey());
    CPPUNIT_ASSERT_EQUAL(std::string("hello"), Open(kSpecificationToken, TestKeys()));
  }

  void OpensEverySizeInAnyPieces() {
    const std::string noise = Noise(3 * kPiece + 100);
    for (std::size_t size = 0; size <= 100; ++size) {
      const std::string plaintext = noise.substr(0, size);
      const std::string token = Seal(plaintext, SpecificationKey(), SpecificationStamp());
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{size}, Verify(token, TestKeys()).PlaintextBytes());
      for (const std::size_t piece : {1, 3, 64, 1000}) {
        CPPUNIT_ASSERT_EQUAL(plaintext, Open(token, TestKeys(), piece));
      }
    }
    const std::string token = Seal(noise, SpecificationKey(), SpecificationStamp());
    for (const std::size_t piece : {1, 4095, 131071, 131072, 131080, 131081}) {
      CPPUNIT_ASSERT(noise == Open(token, TestKeys(), piece));
    }
  }

  void OpensAroundTheBordersOfItsBuffers() {
    const std::string noise = Noise(2 * kPiece + 60);
    for (const std::size_t border : {kPiece, 2 * kPiece}) {
      for (std::size_t size = border - 100; size <= border + 60; ++size) {
        const std::string plaintext = noise.substr(0, size);
        const std::string token = Seal(plaintext, SpecificationKey(), SpecificationStamp());
        CPPUNIT_ASSERT(plaintext == Open(token, TestKeys()));
        CPPUNIT_ASSERT(plaintext == Open(token + "\r\n", TestKeys()));
      }
    }
  }

  void TakesOneLineBreakAtTheEndAndNoOtherDecoration() {
    const std::string token = kSpecificationToken;
    for (const char* end : {"\n", "\r\n"}) {
      for (const std::size_t piece : {std::size_t{1}, token.size()}) {
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), Open(token + end, TestKeys(), piece));
      }
    }
    std::string standard = token;
    for (char& digit : standard) digit = digit == '-' ? '+' : digit == '_' ? '/' : digit;
    CPPUNIT_ASSERT(standard != token);
    std::string stray = token;
    stray[token.size() - 3] = 'B';
    const std::string without_padding = token.substr(0, token.size() - 2);
    for (const std::string& text : {standard, stray, without_padding, token + "\n\n", token + "\r",
                                    token + " ", token + "=", token + "AAAA", token + token, "\n" + token,
                                    " " + token, token.substr(0, 40) + "\n" + token.substr(40),
                                    "\xef\xbb\xbf" + token, token + std::string(1, '\0')}) {
      CPPUNIT_ASSERT_MESSAGE(text, FaultOf(text, TestKeys()) == TokenFault::kNotBase64);
    }
  }

  void OpensWithAnyOfSeveralKeys() {
    std::string lines;
    std::vector<Key> keys;
    for (std::size_t i = 0; i < Keys::kMax; ++i) {
      keys.push_back(Key::Generate());
      lines += keys.back().Text() + "\n";
    }
    const Keys all = Keys::Parse(lines);
    for (const Key& key : keys) {
      const VerifiedToken token = Verify(Seal("hello", key, SpecificationStamp()), all);
      CPPUNIT_ASSERT(token.key() == key);
      CPPUNIT_ASSERT_EQUAL(std::string("hello"), Open(Seal("hello", key, SpecificationStamp()), all));
    }
    CPPUNIT_ASSERT(FaultOf(kSpecificationToken, all) == TokenFault::kSignature);
    CPPUNIT_ASSERT(FaultOf(kSpecificationToken, Keys(keys[0])) == TokenFault::kSignature);
  }

  void LimitsTheAgeOnlyIfAsked() {
    constexpr std::uint64_t kNow = 1000000;
    constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();
    for (const std::uint64_t time : {std::uint64_t{0}, kNow, kLast}) {
      CPPUNIT_ASSERT_EQUAL(time, Verify(SealAt("", time), TestKeys()).Time());
    }
    const std::optional<TokenFault> fine;
    const struct {
      std::uint64_t time;
      std::int64_t max_age;
      std::uint64_t now;
      std::optional<TokenFault> outcome;
    } cases[] = {
        {kNow, 0, kNow, fine},
        {kNow - 1, 0, kNow, TokenFault::kExpired},
        {kNow - 30, 30, kNow, fine},
        {kNow - 31, 30, kNow, TokenFault::kExpired},
        {kNow + 60, 30, kNow, fine},
        {kNow + 61, 30, kNow, TokenFault::kFuture},
        {0, 30, kNow, TokenFault::kExpired},
        {kLast, 30, kNow, TokenFault::kFuture},
        {kLast, 30, kLast, fine},
        {0, std::numeric_limits<std::int64_t>::max(), kNow, fine},
        {kNow - 1, -5, kNow, TokenFault::kExpired},
    };
    for (const auto& test : cases) {
      CPPUNIT_ASSERT(FaultOf(SealAt("x", test.time), TestKeys(), AgeLimit{seconds(test.max_age), test.now}) ==
                     test.outcome);
    }
  }

  void OpensWhatTheVerifierSpooled() {
    const std::string noise = Noise(2 * kPiece + 60);
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{15}, std::size_t{16},
                                   kPiece - 42, kPiece - 41, kPiece - 25, kPiece, noise.size()}) {
      const std::string plaintext = noise.substr(0, size);
      const std::string text = Seal(plaintext, SpecificationKey(), SpecificationStamp());
      for (const std::size_t piece : {1, 10007}) {
        io::MemorySink spool;
        const VerifiedToken token = Verify(text, TestKeys(), 5000, std::nullopt, &spool);
        const std::string bytes = base64::Decode(text, base64::Alphabet::kUrlSafe).value();
        CPPUNIT_ASSERT(spool.text == bytes.substr(0, bytes.size() - kCodeBytes));
        CPPUNIT_ASSERT(plaintext == DecryptSpooled(token, spool.text, piece));
      }
    }
  }

  void NoticesWhatWasChangedInTheSpool() {
    io::MemorySink spool;
    const VerifiedToken token = Verify(kSpecificationToken, TestKeys(), SIZE_MAX, std::nullopt, &spool);
    for (std::size_t size = 0; size < spool.text.size(); ++size) {
      CPPUNIT_ASSERT_THROW(DecryptSpooled(token, spool.text.substr(0, size)), TokenError);
      std::string changed = spool.text;
      changed[size] = static_cast<char>(changed[size] ^ 1);
      CPPUNIT_ASSERT_THROW(DecryptSpooled(token, changed), TokenError);
    }
    CPPUNIT_ASSERT_THROW(DecryptSpooled(token, spool.text + std::string(16, 'x')), TokenError);
    CPPUNIT_ASSERT_EQUAL(std::string("hello"), DecryptSpooled(token, spool.text));
  }

  void OpensFiles() {
    const TempFolder folder;
    const std::string noise = Noise(kPiece + 5);
    const std::string path = folder.path() + "/token";
    std::ofstream(path) << Seal(noise, SpecificationKey(), SpecificationStamp());
    const io::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    CPPUNIT_ASSERT_EQUAL(off_t{7}, ::lseek(file.get(), 7, SEEK_SET));
    io::MemorySink plaintext;
    const VerifiedToken token = OpenFile(file.get(), TestKeys(), std::nullopt, plaintext);
    CPPUNIT_ASSERT(noise == plaintext.text);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{noise.size()}, token.PlaintextBytes());

    CPPUNIT_ASSERT_EQUAL(0, ::truncate(path.c_str(), 4000));
    io::MemorySink nothing;
    CPPUNIT_ASSERT_THROW(OpenFile(file.get(), TestKeys(), std::nullopt, nothing), TokenError);
    CPPUNIT_ASSERT(nothing.text.empty());
    CPPUNIT_ASSERT_THROW(OpenFile(-1, TestKeys(), std::nullopt, nothing), std::system_error);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FernetOpenTest);

}  // namespace
}  // namespace hashpost::fernet
