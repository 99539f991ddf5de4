#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "file-sender/json_to_xml.h"
#include "lib/io/unique_fd.h"
#include "tests/unit/temp_folder.h"

namespace hashpost::sender {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMeasures = false;  // their own memory would be measured
#else
constexpr bool kMeasures = true;
#endif

struct Counter : io::ByteSink {
  void Write(std::string_view bytes) override { size += bytes.size(); }
  std::uint64_t size = 0;
};

// A file of `records` objects in an array.
void WriteRecords(const std::string& path, int records) {
  const io::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  std::string text = "[";
  for (int i = 0; i < records; ++i) {
    text += (i > 0 ? ",\n" : "") + std::string(R"({"id":)") + std::to_string(i) +
            R"(,"title":"A book about \u00e9t\u00e9","price":)" + std::to_string(i % 1000) +
            R"(.25,"tags":["a","b",null]})";
    if (text.size() > 1000000 || i + 1 == records) {
      if (i + 1 == records) text += "]";
      CPPUNIT_ASSERT_EQUAL(static_cast<ssize_t>(text.size()), ::write(file.get(), text.data(), text.size()));
      text.clear();
    }
  }
}

// Peak resident memory, in KiB, of a process that makes at least `at_least` bytes of XML of the file at
// `path`.
long PeakOf(const std::string& path, std::uint64_t at_least) {
  const pid_t child = ::fork();
  if (child == 0) {
    const io::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    io::FileReader content(file.get());
    Counter counter;
    const auto outcome = JsonToXml(content, counter);
    ::_exit(std::holds_alternative<Converted>(outcome) && counter.size >= at_least ? 0 : 1);
  }
  int status = -1;
  rusage usage{};
  CPPUNIT_ASSERT_EQUAL(child, ::wait4(child, &status, 0, &usage));
  CPPUNIT_ASSERT_EQUAL(0, status);
  return usage.ru_maxrss;
}

class FlatMemoryTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(FlatMemoryTest);
  CPPUNIT_TEST(NeedsNoMoreForALargeFileThanForASmallOne);
  CPPUNIT_TEST_SUITE_END();

 public:
  void NeedsNoMoreForALargeFileThanForASmallOne() {
    if (!kMeasures) return;
    TempFolder folder;
    WriteRecords(folder.path() + "/small.json", 100);
    WriteRecords(folder.path() + "/large.json", 800000);
    const long small = PeakOf(folder.path() + "/small.json", 10000);
    const long large = PeakOf(folder.path() + "/large.json", 190'000'000);
    CPPUNIT_ASSERT_MESSAGE(std::to_string(small) + " and " + std::to_string(large) + " KiB",
                           large < small + 2048);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FlatMemoryTest);

}  // namespace
}  // namespace hashpost::sender
