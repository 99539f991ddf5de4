#include "fcgi-worker/drop/output_folder.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "tests/unit/temp_folder.h"

namespace hashpost::drop {
namespace {

using Names = std::vector<std::string>;

// What inotify(7) tells who watches a folder.
class Watch {
 public:
  explicit Watch(const std::string& folder) : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    CPPUNIT_ASSERT(::inotify_add_watch(fd_.get(), folder.c_str(), kAll) >= 0);
  }

  // "moved_to books.xml" and so on, since the last call; nothing about the folder itself.
  Names Events() {
    Names events;
    alignas(inotify_event) std::array<char, 65536> buffer{};
    const ssize_t size = ::read(fd_.get(), buffer.data(), buffer.size());
    for (ssize_t at = 0; at < size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      at += static_cast<ssize_t>(sizeof(inotify_event)) + event->len;
      if (event->len > 0) events.push_back(Word(event->mask) + " " + event->name);
    }
    return events;
  }

 private:
  static constexpr std::uint32_t kAll =
      IN_CREATE | IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVE | IN_DELETE;

  static std::string Word(std::uint32_t mask) {
    if ((mask & IN_MOVED_TO) != 0) return "moved_to";
    if ((mask & IN_CLOSE_WRITE) != 0) return "close_write";
    return "event " + std::to_string(mask);
  }

  io::UniqueFd fd_;
};

class OutputFolderTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(OutputFolderTest);
  CPPUNIT_TEST(TellsConsumersOfWholeFilesOnly);
  CPPUNIT_TEST(KeepsUploadsInsideWhereNoFileCanBeMovedIn);
  CPPUNIT_TEST(TrustsNoFolderInWhichOthersCanWrite);
  CPPUNIT_TEST(SaysThatAnotherFolderTookThePlace);
  CPPUNIT_TEST(FillsTheFolderThatIsThereAtTheEnd);
  CPPUNIT_TEST(GivesFilesTheirModeWhateverTheUmask);
  CPPUNIT_TEST(GivesFilesTheGroupOfASetgidFolder);
  CPPUNIT_TEST(GivesFilesTheGroupThatWasChosen);
  CPPUNIT_TEST(GivesFilesTheDefaultAclOfTheFolder);
  CPPUNIT_TEST(SaysThatAFolderCannotBeWrittenTo);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override { std::filesystem::create_directory(Out()); }

  void TellsConsumersOfWholeFilesOnly() {
    OutputFolder output = Make();
    Watch watch(Out());
    output.Check();
    for (const std::string content : {"first", "second"}) {
      const io::UniqueFd incoming = output.OpenIncoming();
      io::UnnamedFile file(incoming.get());
      file.Write(content);
      const io::UniqueFd folder = output.Finish(file);
      Expect({}, watch);
      output.Put(file, folder, "books");
      Expect({"moved_to books.xml", "close_write books.xml"}, watch);
      CPPUNIT_ASSERT_EQUAL(content, Content(Out() + "/books.xml"));
    }
    Expect({}, watch);
    CPPUNIT_ASSERT(std::filesystem::is_empty(Incoming()));
  }

  void KeepsUploadsInsideWhereNoFileCanBeMovedIn() {
    // A file system of its own, as a disk that is mounted there.
    const TempFolderOn other("/dev/shm");
    OutputFolder output(other.path, Incoming(), {});
    output.Check();
    Watch watch(other.path);
    UploadResource(output, "books");
    Expect({"moved_to books.xml", "close_write books.xml"}, watch);
    CPPUNIT_ASSERT(std::filesystem::is_empty(other.path + "/.hashpost-incoming"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, output.IncomingFolders().size());
  }

  void TrustsNoFolderInWhichOthersCanWrite() {
    const TempFolderOn other("/dev/shm");
    const std::string inside = other.path + "/.hashpost-incoming";
    OutputFolder output(other.path, Incoming(), {});
    std::filesystem::create_symlink(folder_.path(), inside);
    CPPUNIT_ASSERT_THROW(output.Check(), std::system_error);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, output.IncomingFolders().size());
    std::filesystem::remove(inside);
    std::filesystem::create_directory(inside);
    using std::filesystem::perms;
    for (const perms others :
         {perms::all, perms::owner_all | perms::group_write, perms::owner_all | perms::others_write}) {
      std::filesystem::permissions(inside, others);
      CPPUNIT_ASSERT_THROW(output.Check(), std::system_error);
    }
    std::filesystem::permissions(inside, std::filesystem::perms::owner_all);
    output.Check();
  }

  void SaysThatAnotherFolderTookThePlace() {
    OutputFolder output = Make();
    const io::UniqueFd incoming = output.OpenIncoming();
    io::UnnamedFile file(incoming.get());
    const io::UniqueFd folder = output.Finish(file);
    std::filesystem::rename(Out(), Out() + ".old");
    std::filesystem::create_directory(Out());
    CPPUNIT_ASSERT_THROW(output.Put(file, folder, "books"), std::system_error);
    CPPUNIT_ASSERT(std::filesystem::is_empty(Out()));
    UploadResource(output, "books");
    CPPUNIT_ASSERT(std::filesystem::exists(Out() + "/books.xml"));
  }

  void FillsTheFolderThatIsThereAtTheEnd() {
    OutputFolder output = Make();
    const io::UniqueFd incoming = output.OpenIncoming();
    io::UnnamedFile file(incoming.get());
    std::filesystem::rename(Out(), Out() + ".old");
    std::filesystem::create_directory(Out());
    output.Put(file, output.Finish(file), "books");
    CPPUNIT_ASSERT(std::filesystem::exists(Out() + "/books.xml"));
    CPPUNIT_ASSERT(std::filesystem::is_empty(Out() + ".old"));
  }

  void GivesFilesTheirModeWhateverTheUmask() {
    const mode_t before = ::umask(077);
    OutputFolder output = Make();
    CPPUNIT_ASSERT_EQUAL(0640U, UploadResource(output, "books").st_mode & 07777U);
    OutputFolder open = Make({.mode = 0664, .group = {}});
    CPPUNIT_ASSERT_EQUAL(0664U, UploadResource(open, "books").st_mode & 07777U);
    ::umask(before);
  }

  void GivesFilesTheGroupOfASetgidFolder() {
    OutputFolder output = Make();
    const gid_t group = AnotherGroup();
    CPPUNIT_ASSERT_EQUAL(0, ::chown(Out().c_str(), static_cast<uid_t>(-1), group));
    CPPUNIT_ASSERT_EQUAL(::getegid(), UploadResource(output, "books").st_gid);
    CPPUNIT_ASSERT_EQUAL(0, ::chmod(Out().c_str(), 02750));
    CPPUNIT_ASSERT_EQUAL(group, UploadResource(output, "books").st_gid);
  }

  void GivesFilesTheGroupThatWasChosen() {
    const gid_t group = AnotherGroup();
    OutputFolder output = Make({.mode = OutputFolder::kDefaultMode, .group = group});
    CPPUNIT_ASSERT_EQUAL(group, UploadResource(output, "books").st_gid);
  }

  void GivesFilesTheDefaultAclOfTheFolder() {
    // user::rw- user:12345:rw- group::r-- mask::rw- other::--- (acl(5), the layout of
    // <linux/posix_acl_xattr.h>)
    constexpr std::array<unsigned char, 44> kAcl = {2,  0, 0, 0,                           // version
                                                    1,  0, 6, 0, 0xFF, 0xFF, 0xFF, 0xFF,   // the owner
                                                    2,  0, 6, 0, 0x39, 0x30, 0,    0,      // user 12345
                                                    4,  0, 4, 0, 0xFF, 0xFF, 0xFF, 0xFF,   // the group
                                                    16, 0, 6, 0, 0xFF, 0xFF, 0xFF, 0xFF,   // mask
                                                    32, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF};  // others
    CPPUNIT_ASSERT_EQUAL(0,
                         ::setxattr(Out().c_str(), "system.posix_acl_default", kAcl.data(), kAcl.size(), 0));
    OutputFolder output = Make({.mode = 0660, .group = {}});
    CPPUNIT_ASSERT_EQUAL(0660U, UploadResource(output, "books").st_mode & 07777U);
    std::array<unsigned char, 256> found{};
    CPPUNIT_ASSERT_EQUAL(
        static_cast<ssize_t>(kAcl.size()),
        ::getxattr((Out() + "/books.xml").c_str(), "system.posix_acl_access", found.data(), found.size()));
    CPPUNIT_ASSERT(std::equal(kAcl.begin(), kAcl.end(), found.begin()));
    // Less what the mode does not allow.
    OutputFolder narrow = Make();
    CPPUNIT_ASSERT_EQUAL(0640U, UploadResource(narrow, "books").st_mode & 07777U);
  }

  void SaysThatAFolderCannotBeWrittenTo() {
    OutputFolder output = Make();
    std::filesystem::remove(Out());
    CPPUNIT_ASSERT_THROW(output.Check(), std::system_error);
    std::ofstream(Out()) << "a file";
    CPPUNIT_ASSERT_THROW(output.Check(), std::system_error);
  }

 private:
  struct TempFolderOn {
    explicit TempFolderOn(const std::string& parent) : path(parent + "/hashpost-test-XXXXXX") {
      CPPUNIT_ASSERT(::mkdtemp(path.data()) != nullptr);
    }
    ~TempFolderOn() { std::filesystem::remove_all(path); }
    TempFolderOn(const TempFolderOn&) = delete;
    TempFolderOn& operator=(const TempFolderOn&) = delete;
    std::string path;
  };

  [[nodiscard]] std::string Out() const { return folder_.path() + "/out"; }
  [[nodiscard]] std::string Incoming() const { return folder_.path() + "/incoming"; }
  [[nodiscard]] OutputFolder Make(const OutputFolder::Rights& rights = {}) const {
    return OutputFolder(Out(), Incoming(), rights);
  }

  // Puts a file there, and returns what it is.
  struct stat UploadResource(OutputFolder& output, const std::string& name) const {
    const io::UniqueFd incoming = output.OpenIncoming();
    io::UnnamedFile file(incoming.get());
    output.Put(file, output.Finish(file), name);
    struct stat status {};
    CPPUNIT_ASSERT_EQUAL(0, ::stat((output.path() + "/" + name + ".xml").c_str(), &status));
    return status;
  }

  // One that this process may give a file.
  static gid_t AnotherGroup() {
    std::array<gid_t, 256> groups{};
    const int count = ::getgroups(groups.size(), groups.data());
    for (int i = 0; i < count; ++i) {
      if (groups.at(static_cast<std::size_t>(i)) != ::getegid())
        return groups.at(static_cast<std::size_t>(i));
    }
    return ::geteuid() == 0 ? 12345 : ::getegid();
  }

  static void Expect(const Names& wanted, Watch& watch) {
    const Names events = watch.Events();
    std::string text;
    for (const std::string& event : events) text += event + "\n";
    CPPUNIT_ASSERT_MESSAGE(text, wanted == events);
  }

  static std::string Content(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  TempFolder folder_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(OutputFolderTest);

}  // namespace
}  // namespace hashpost::drop
