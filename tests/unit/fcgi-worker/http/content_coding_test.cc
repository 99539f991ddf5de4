#include <cppunit/extensions/HelperMacros.h>

#include "fcgi-worker/http/negotiation.h"

namespace hashpost::http {
namespace {

class ContentCodingTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ContentCodingTest);
  CPPUNIT_TEST(TakesGzipWhereItIsListedWithAWeight);
  CPPUNIT_TEST(TakesNoGzipWhereItIsMissingOrHasNoWeight);
  CPPUNIT_TEST(NamesTheCodedRepresentationWithinTheQuotes);
  CPPUNIT_TEST_SUITE_END();

 public:
  void TakesGzipWhereItIsListedWithAWeight() {
    for (const char* value :
         {"gzip", "GZip", "x-gzip", "*", "br, gzip", "gzip;q=1", "gzip; q=0.001", "gzip ;Q=0.5", "gzip,",
          ", gzip", "gzip;q=1.000, *;q=0", "identity;q=0, *", "deflate, gzip;q=1.0, *;q=0.5"}) {
      CPPUNIT_ASSERT_MESSAGE(value, AcceptsGzip(value));
    }
  }

  void TakesNoGzipWhereItIsMissingOrHasNoWeight() {
    for (const char* value :
         {"", "br", "identity", "gzip;q=0", "gzip; q=0.000", "x-gzip;q=0.0", "*;q=0", "gzip;q=0, *",
          "*, gzip;q=0", "gzipped", "gzip/1", "gzip;q", "gzip;q=", "\"gzip\"", "br;x=\"gzip, gzip\""}) {
      CPPUNIT_ASSERT_MESSAGE(value, !AcceptsGzip(value));
    }
  }

  void NamesTheCodedRepresentationWithinTheQuotes() {
    CPPUNIT_ASSERT_EQUAL(std::string("\"x.json-gzip\""), GzipTag("\"x.json\""));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ContentCodingTest);

}  // namespace
}  // namespace hashpost::http
