// Runs every registered CppUnit test, or those whose name contains one of the arguments, in a child process:
// a test that ends it, or that takes longer than HASHPOST_TEST_SECONDS (300), is named and has failed, and
// another child goes on with the next. Exit code: 0 if all passed, 1 if one failed, 2 if no test has such a
// name.

#include <cppunit/Exception.h>
#include <cppunit/SourceLine.h>
#include <cppunit/Test.h>
#include <cppunit/TestFailure.h>
#include <cppunit/TestResult.h>
#include <cppunit/TestResultCollector.h>
#include <cppunit/extensions/TestFactoryRegistry.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using CppUnit::Test;

// How far the child is; in memory that it shares with its parent.
struct Progress {
  std::atomic<std::size_t> next{0};  // the test that runs, or the number of them at the end
  std::atomic<int> passed{0};
  std::atomic<int> failed{0};
};

bool IsWanted(const std::string& name, const std::vector<std::string_view>& words) {
  if (words.empty()) return true;
  for (const std::string_view word : words) {
    if (name.find(word) != std::string::npos) return true;
  }
  return false;
}

// Appends the wanted leaves under `test`.
void Collect(Test& test, const std::vector<std::string_view>& words, std::vector<Test*>& found) {
  if (test.getChildTestCount() > 0) {
    for (int i = 0; i < test.getChildTestCount(); ++i) Collect(*test.getChildTestAt(i), words, found);
  } else if (test.countTestCases() > 0 && IsWanted(test.getName(), words)) {
    found.push_back(&test);
  }
}

void Print(const CppUnit::TestFailure& failure) {
  const CppUnit::SourceLine where = failure.sourceLine();
  std::cout << "FAILED " << failure.failedTestName() << "\n";
  if (where.isValid()) std::cout << "  " << where.fileName() << ":" << where.lineNumber() << "\n";
  std::cout << "  " << failure.thrownException()->message().shortDescription() << "\n"
            << failure.thrownException()->message().details() << std::flush;
}

// The child: runs tests until the last one.
void RunFromNext(const std::vector<Test*>& tests, Progress& progress) {
  while (progress.next < tests.size()) {
    CppUnit::TestResult result;
    CppUnit::TestResultCollector collector;
    result.addListener(&collector);
    tests[progress.next]->run(&result);
    for (const CppUnit::TestFailure* failure : collector.failures()) Print(*failure);
    ++(collector.wasSuccessful() ? progress.passed : progress.failed);
    ++progress.next;
  }
}

// Waits for the child, but no longer than `limit` for one test, and returns its wait status; is_late: it was
// killed for that.
int Await(pid_t child, const Progress& progress, std::chrono::seconds limit, bool& is_late) {
  std::size_t seen = progress.next;
  Clock::time_point since = Clock::now();
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (progress.next != seen) {
      seen = progress.next;
      since = Clock::now();
    } else if (!is_late && Clock::now() - since > limit) {
      is_late = true;
      kill(child, SIGKILL);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return status;
}

std::string Describe(int status, bool is_late, std::chrono::seconds limit) {
  if (is_late) return "took longer than " + std::to_string(limit.count()) + " s (HASHPOST_TEST_SECONDS)";
  if (WIFSIGNALED(status)) return std::string("ended the process: ") + strsignal(WTERMSIG(status));
  return "ended the process with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  const char* seconds = std::getenv("HASHPOST_TEST_SECONDS");
  const std::chrono::seconds limit(seconds == nullptr ? 300 : std::atoi(seconds));
  const std::unique_ptr<Test> all(CppUnit::TestFactoryRegistry::getRegistry().makeTest());
  std::vector<Test*> tests;
  Collect(*all, words, tests);

  void* shared = mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return 1;
  auto& progress = *new (shared) Progress;
  for (bool is_over = false; !is_over;) {
    const pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
      RunFromNext(tests, progress);
      return 0;
    }
    bool is_late = false;
    const int status = Await(child, progress, limit, is_late);
    is_over = progress.next >= tests.size();
    if (status == 0 && is_over) break;
    std::cout << "FAILED " << (is_over ? "after the last test" : tests[progress.next]->getName()) << "\n  "
              << Describe(status, is_late, limit) << std::endl;
    ++progress.failed;
    is_over = ++progress.next >= tests.size();
  }
  std::cout << progress.passed << " passed, " << progress.failed << " failed, 0 skipped" << std::endl;
  if (tests.empty()) return 2;
  return progress.failed == 0 ? 0 : 1;
}
