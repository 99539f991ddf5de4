#include "store/record.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

namespace hashpost::store {
namespace {

class RecordTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RecordTest);
  CPPUNIT_TEST(IsLaidOutAsTheFormatSays);
  CPPUNIT_TEST(ReadsWhatItWrote);
  CPPUNIT_TEST(RefusesWhatIsTooShort);
  CPPUNIT_TEST_SUITE_END();

 public:
  void IsLaidOutAsTheFormatSays() {
    std::string value(kRecordHeader + 3, '\0');
    WriteRecord(value.data(), 0x0102030405060708, "foo");
    CPPUNIT_ASSERT(std::string("\x01\x02\x03\x04\x05\x06\x07\x08"
                               "foo",
                               11) == value);
  }

  void ReadsWhatItWrote() {
    for (const std::string& message : {std::string(), std::string("a\0b", 3), std::string(5000, 'x')}) {
      std::string value(kRecordHeader + message.size(), '\0');
      WriteRecord(value.data(), 1'763'713'380'123, message);
      const auto record = ParseRecord(value);
      CPPUNIT_ASSERT(record.has_value());
      CPPUNIT_ASSERT_EQUAL(std::int64_t{1'763'713'380'123}, record->created_ms);
      CPPUNIT_ASSERT(message == record->bytes);
    }
  }

  void RefusesWhatIsTooShort() {
    CPPUNIT_ASSERT(!ParseRecord("").has_value());
    CPPUNIT_ASSERT(!ParseRecord("1234567").has_value());
    CPPUNIT_ASSERT(ParseRecord("12345678").has_value());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RecordTest);

}  // namespace
}  // namespace hashpost::store
