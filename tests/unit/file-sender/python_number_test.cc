#include "file-sender/python_number.h"

#include <cppunit/extensions/HelperMacros.h>

#include <utility>
#include <vector>

namespace hashpost::sender {
namespace {

class PythonNumberTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(PythonNumberTest);
  CPPUNIT_TEST(PrintsNumbersAsPythonDoes);
  CPPUNIT_TEST(KeepsIntegersOfAnyLength);
  CPPUNIT_TEST_SUITE_END();

 public:
  // What `python3 -c 'import json; print(json.loads("…"))'` says.
  void PrintsNumbersAsPythonDoes() {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"0", "0"},
        {"-0", "0"},
        {"-5", "-5"},
        {"0.0", "0.0"},
        {"-0.0", "-0.0"},
        {"0e5", "0.0"},
        {"1E5", "100000.0"},
        {"3.50", "3.5"},
        {"0.1", "0.1"},
        {"1e20", "1e+20"},
        {"1e15", "1000000000000000.0"},
        {"1e16", "1e+16"},
        {"9999999999999998.0", "9999999999999998.0"},
        {"9999999999999999.0", "1e+16"},
        {"123456789012345678.0", "1.2345678901234568e+17"},
        {"0.0001", "0.0001"},
        {"0.00001", "1e-05"},
        {"0.00012345", "0.00012345"},
        {"0.000012345", "1.2345e-05"},
        {"5e-324", "5e-324"},
        {"2e-324", "0.0"},
        {"-1e-400", "-0.0"},
        {"1e-400", "0.0"},
        {"2.2250738585072014e-308", "2.2250738585072014e-308"},
        {"2.2250738585072011e-308", "2.225073858507201e-308"},
        {"1.7976931348623157e308", "1.7976931348623157e+308"},
        {"1e400", "inf"},
        {"-1e400", "-inf"},
        {"1e99999999999999999999", "inf"},
        {"1e-99999999999999999999", "0.0"},
        {"0.1000000000000000055511151231257827", "0.1"},
        {"100.0", "100.0"},
        {"1.0E+2", "100.0"},
        {"1e-7", "1e-07"},
        {"1e100", "1e+100"},
        {"9007199254740993.0", "9007199254740992.0"},
        {"5e15", "5000000000000000.0"},
        {"128.74836467836484838364836483643636483648e-336", "0.0"},
        {"NaN", "nan"},
        {"Infinity", "inf"},
        {"-Infinity", "-inf"}};
    std::string scratch;
    for (const auto& [json, expected] : cases) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(json, expected, std::string(PythonNumber(json, scratch)));
    }
  }

  void KeepsIntegersOfAnyLength() {
    std::string scratch;
    const std::string huge(100000, '9');
    CPPUNIT_ASSERT(!IsPythonFloat(huge) && PythonNumber(huge, scratch) == huge);
    CPPUNIT_ASSERT(IsPythonFloat("1e5") && IsPythonFloat("1E5") && IsPythonFloat("1.5") &&
                   IsPythonFloat("NaN"));
    CPPUNIT_ASSERT(IsPythonFloat("-Infinity") && !IsPythonFloat("-15"));
    CPPUNIT_ASSERT_EQUAL(std::string("inf"), std::string(PythonNumber(huge + ".0", scratch)));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PythonNumberTest);

}  // namespace
}  // namespace hashpost::sender
