#include "lib/io/unnamed_file.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <system_error>

#include "tests/unit/temp_folder.h"

namespace hashpost::io {
namespace {

class UnnamedFileTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(UnnamedFileTest);
  CPPUNIT_TEST(LeavesNothingUnlessPublished);
  CPPUNIT_TEST(AppearsWhole);
  CPPUNIT_TEST(TakesThePlaceOfAFile);
  CPPUNIT_TEST(FollowsNoLinkAndReplacesNoFolder);
  CPPUNIT_TEST(SaysWhatFails);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override { folder_fd_ = UniqueFd(::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY)); }

  void LeavesNothingUnlessPublished() {
    {
      UnnamedFile file(folder_fd_.get());
      file.Write("abc");
      file.Sync();
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, file.size());
      CPPUNIT_ASSERT(Names().empty());
    }
    CPPUNIT_ASSERT(Names().empty());
  }

  void AppearsWhole() {
    Publish("abc");
    CPPUNIT_ASSERT_EQUAL(std::string("abc"), Content("a.xml"));
    CPPUNIT_ASSERT(Names() == std::set<std::string>{"a.xml"});
    struct stat status {};
    CPPUNIT_ASSERT_EQUAL(0, ::stat((folder_.path() + "/a.xml").c_str(), &status));
    CPPUNIT_ASSERT_EQUAL(0U, status.st_mode & 07137U);  // no more than rw-r-----
  }

  void TakesThePlaceOfAFile() {
    std::ofstream(folder_.path() + "/.a.xml.new") << "left over";
    Publish("old");
    const std::ifstream open_before(folder_.path() + "/a.xml");
    Publish("new");
    CPPUNIT_ASSERT_EQUAL(std::string("new"), Content("a.xml"));
    CPPUNIT_ASSERT(Names() == std::set<std::string>{"a.xml"});
    CPPUNIT_ASSERT_EQUAL(std::string("old"),
                         std::string(std::istreambuf_iterator<char>(open_before.rdbuf()), {}));
  }

  void FollowsNoLinkAndReplacesNoFolder() {
    std::ofstream(folder_.path() + "/other") << "untouched";
    std::filesystem::create_symlink("other", folder_.path() + "/a.xml");
    Publish("new");
    CPPUNIT_ASSERT_EQUAL(std::string("untouched"), Content("other"));
    CPPUNIT_ASSERT(!std::filesystem::is_symlink(folder_.path() + "/a.xml"));
    std::filesystem::remove(folder_.path() + "/a.xml");
    std::filesystem::create_directory(folder_.path() + "/a.xml");
    CPPUNIT_ASSERT_THROW(Publish("new"), std::system_error);
    CPPUNIT_ASSERT(!Names().contains(".a.xml.new"));
  }

  void SaysWhatFails() {
    const UniqueFd no_folder(::open("/dev/null", O_RDONLY));
    CPPUNIT_ASSERT_THROW(UnnamedFile(no_folder.get()), std::system_error);
    UnnamedFile file(folder_fd_.get());
    std::filesystem::remove_all(folder_.path());
    CPPUNIT_ASSERT_THROW(file.Publish(folder_fd_.get(), "a.xml", ".a.xml.new"), std::system_error);
  }

 private:
  void Publish(const std::string& content) {
    UnnamedFile file(folder_fd_.get());
    file.Write(content);
    file.Sync();
    file.Publish(folder_fd_.get(), "a.xml", ".a.xml.new");
  }
  [[nodiscard]] std::string Content(const std::string& name) const {
    std::ifstream in(folder_.path() + "/" + name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] std::set<std::string> Names() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      names.insert(entry.path().filename());
    return names;
  }

  TempFolder folder_;
  UniqueFd folder_fd_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(UnnamedFileTest);

}  // namespace
}  // namespace hashpost::io
