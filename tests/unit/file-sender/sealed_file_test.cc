#include "file-sender/sealed_file.h"

#include <cppunit/extensions/HelperMacros.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "tests/unit/temp_folder.h"

namespace hashpost::sender {
namespace {

class SealedFileTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SealedFileTest);
  CPPUNIT_TEST(KeepsWhatIsWrittenWhateverItsSize);
  CPPUNIT_TEST(NeedsTheFolderOnlyForBigOnes);
  CPPUNIT_TEST_SUITE_END();

 public:
  void KeepsWhatIsWrittenWhateverItsSize() {
    for (const std::size_t pieces : {0U, 1U, 5U, 6U, 60U}) {
      const TempFolder folder;
      SealedFile file(folder.path());
      std::string all;
      for (std::size_t i = 0; i < pieces; ++i) {
        const std::string piece(100'000, static_cast<char>('a' + i % 26));
        file.Write(piece);
        all += piece;
      }
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{all.size()}, file.size());
      std::string read(all.size() + 1, '\0');
      CPPUNIT_ASSERT_EQUAL(static_cast<ssize_t>(all.size()), ::pread(file.fd(), read.data(), read.size(), 0));
      CPPUNIT_ASSERT(read.substr(0, all.size()) == all);
      CPPUNIT_ASSERT(std::filesystem::is_empty(folder.path()));  // it has no name
    }
  }

  void NeedsTheFolderOnlyForBigOnes() {
    SealedFile file("/nowhere");
    file.Write("small");
    CPPUNIT_ASSERT_THROW(file.Write(std::string(1'000'000, 'x')), std::system_error);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SealedFileTest);

}  // namespace
}  // namespace hashpost::sender
