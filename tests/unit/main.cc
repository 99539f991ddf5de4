// Runs every registered CppUnit test, or those whose name contains one of the arguments.
// Exit code: 0 if all passed, 1 if one failed, 2 if no test has such a name.

#include <cppunit/Exception.h>
#include <cppunit/SourceLine.h>
#include <cppunit/Test.h>
#include <cppunit/TestFailure.h>
#include <cppunit/TestResult.h>
#include <cppunit/TestResultCollector.h>
#include <cppunit/extensions/TestFactoryRegistry.h>

#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using CppUnit::Test;

bool IsWanted(const std::string& name, const std::vector<std::string_view>& words) {
  if (words.empty()) return true;
  for (const std::string_view word : words) {
    if (name.find(word) != std::string::npos) return true;
  }
  return false;
}

// Runs the wanted leaves under `test`.
void Run(Test& test, const std::vector<std::string_view>& words, CppUnit::TestResult& result) {
  if (test.getChildTestCount() > 0) {
    for (int i = 0; i < test.getChildTestCount(); ++i) Run(*test.getChildTestAt(i), words, result);
  } else if (test.countTestCases() > 0 && IsWanted(test.getName(), words)) {
    test.run(&result);
  }
}

void Print(const CppUnit::TestFailure& failure) {
  const CppUnit::SourceLine where = failure.sourceLine();
  std::cout << "FAILED " << failure.failedTestName() << "\n";
  if (where.isValid()) std::cout << "  " << where.fileName() << ":" << where.lineNumber() << "\n";
  std::cout << "  " << failure.thrownException()->message().shortDescription() << "\n"
            << failure.thrownException()->message().details();
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  CppUnit::TestResult result;
  CppUnit::TestResultCollector collector;
  result.addListener(&collector);

  const std::unique_ptr<Test> all(CppUnit::TestFactoryRegistry::getRegistry().makeTest());
  Run(*all, words, result);

  for (const CppUnit::TestFailure* failure : collector.failures()) Print(*failure);
  const int failed = collector.testFailuresTotal();
  std::cout << collector.runTests() - failed << " passed, " << failed << " failed" << std::endl;
  if (collector.runTests() == 0) return 2;
  return failed == 0 ? 0 : 1;
}
