#include "lib/log/log.h"

#include <cppunit/extensions/HelperMacros.h>
#include <unistd.h>

#include <array>
#include <string>

#include "lib/io/unique_fd.h"

namespace hashpost::log {
namespace {

class LogTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(LogTest);
  CPPUNIT_TEST(WritesNothingThatATerminalWouldObey);
  CPPUNIT_TEST_SUITE_END();

 public:
  void WritesNothingThatATerminalWouldObey() {
    const std::string line = Logged("a\x1B[31m\nb \u009B1m\u202Ec\u200Bd\xFF\u00E9");
    CPPUNIT_ASSERT_EQUAL(std::string("] - [ERROR] - [test] - a [31m b \uFFFD1m\uFFFDc\uFFFDd\uFFFD\u00E9\n"),
                         line.substr(line.find(']')));
  }

 private:
  // What Error writes for `message`, which must fit into a pipe.
  static std::string Logged(std::string_view message) {
    std::array<int, 2> ends{};
    CPPUNIT_ASSERT_EQUAL(0, pipe(ends.data()));
    const io::UniqueFd reading(ends[0]);
    const io::UniqueFd real(dup(STDERR_FILENO));
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    Error("test", message);
    dup2(real.get(), STDERR_FILENO);
    std::string line(1000, '\0');
    const ssize_t size = read(reading.get(), line.data(), line.size());
    line.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return line;
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LogTest);

}  // namespace
}  // namespace hashpost::log
