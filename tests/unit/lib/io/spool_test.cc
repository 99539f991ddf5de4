#include "lib/io/spool.h"

#include <cppunit/extensions/HelperMacros.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "tests/unit/temp_folder.h"

namespace hashpost::io {
namespace {

class SpoolTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SpoolTest);
  CPPUNIT_TEST(KeepsWhatIsWrittenWhateverItsSize);
  CPPUNIT_TEST(TakesABigPieceAtOnce);
  CPPUNIT_TEST(NeedsTheFolderOnlyForBigOnes);
  CPPUNIT_TEST_SUITE_END();

 public:
  void KeepsWhatIsWrittenWhateverItsSize() {
    for (const std::size_t pieces : {1U, 5U, 6U, 60U}) {
      const TempFolder folder;
      Spool spool(folder.path());
      std::string all;
      for (std::size_t i = 0; i < pieces; ++i) {
        const std::string piece(100'000, static_cast<char>('a' + i % 26));
        spool.Write(piece);
        all += piece;
      }
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{all.size()}, spool.size());
      std::string read(all.size() + 1, '\0');
      CPPUNIT_ASSERT_EQUAL(static_cast<ssize_t>(all.size()),
                           ::pread(spool.fd(), read.data(), read.size(), 0));
      CPPUNIT_ASSERT(read.substr(0, all.size()) == all);
      CPPUNIT_ASSERT(std::filesystem::is_empty(folder.path()));  // it has no name
    }
  }

  void TakesABigPieceAtOnce() {
    const TempFolder folder;
    Spool spool(folder.path());
    spool.Write(std::string(1'000'000, 'x'));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1'000'000}, spool.size());
    std::string read(1'000'001, '\0');
    CPPUNIT_ASSERT_EQUAL(ssize_t{1'000'000}, ::pread(spool.fd(), read.data(), read.size(), 0));
  }

  void NeedsTheFolderOnlyForBigOnes() {
    Spool spool("/nowhere");
    spool.Write("small");
    CPPUNIT_ASSERT_THROW(spool.Write(std::string(1'000'000, 'x')), std::system_error);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SpoolTest);

}  // namespace
}  // namespace hashpost::io
