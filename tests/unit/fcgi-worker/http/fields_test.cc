#include "fcgi-worker/http/fields.h"

#include <cppunit/extensions/HelperMacros.h>

#include <utility>

#include "fcgi-worker/http/problem.h"

namespace hashpost::http {
namespace {

std::string Joined(const Fields& fields) {
  return std::string(fields.Get("IF_NONE_MATCH").value_or("(absent)"));
}

// "taken", or the slug of the problem.
std::string Outcome(const Fields& fields) {
  try {
    CheckFields(fields);
    return "taken";
  } catch (const HttpError& error) {
    CPPUNIT_ASSERT_EQUAL(400, error.problem().status);
    return std::string(error.problem().slug);
  }
}

class FieldsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(FieldsTest);
  CPPUNIT_TEST(JoinsTheLinesOfOneNameInTheirOrder);
  CPPUNIT_TEST(KeepsJoinedValuesWhenItIsMoved);
  CPPUNIT_TEST(PassesOverFieldsThatNobodyReads);
  CPPUNIT_TEST(ForgetsEverythingWhenItIsCleared);
  CPPUNIT_TEST(RefusesContentTypeThatCameTwice);
  CPPUNIT_TEST_SUITE_END();

 public:
  void JoinsTheLinesOfOneNameInTheirOrder() {
    Fields fields;
    CPPUNIT_ASSERT_EQUAL(std::string("(absent)"), Joined(fields));
    fields.Add("IF_NONE_MATCH", "");
    CPPUNIT_ASSERT_EQUAL(std::string(), Joined(fields));
    fields.Add("ACCEPT", "text/plain");
    fields.Add("IF_NONE_MATCH", "\"b\"");
    fields.Add("ACCEPT", "text/html");
    fields.Add("IF_NONE_MATCH", "\"c\"");
    CPPUNIT_ASSERT_EQUAL(std::string(", \"b\", \"c\""), Joined(fields));
    CPPUNIT_ASSERT(fields.Get("ACCEPT") == "text/plain, text/html");
  }

  void KeepsJoinedValuesWhenItIsMoved() {
    Fields fields{{"IF_NONE_MATCH", "a"}, {"IF_NONE_MATCH", "b"}};
    Fields moved = std::move(fields);
    moved.Add("IF_NONE_MATCH", "c");
    CPPUNIT_ASSERT_EQUAL(std::string("a, b, c"), Joined(moved));
  }

  void PassesOverFieldsThatNobodyReads() {
    Fields fields;
    for (int i = 0; i < 1000; ++i) fields.Add("X_Y", "z");
    for (const char* name : {"", "if_none_match", "IF-NONE-MATCH", "IF_NONE_MATC", "IF_NONE_MATCH_"}) {
      fields.Add(name, "z");
    }
    CPPUNIT_ASSERT_EQUAL(std::string("(absent)"), Joined(fields));
  }

  void ForgetsEverythingWhenItIsCleared() {
    Fields fields{{"IF_NONE_MATCH", "a"}, {"IF_NONE_MATCH", "b"}};
    fields.Clear();
    CPPUNIT_ASSERT_EQUAL(std::string("(absent)"), Joined(fields));
    fields.Add("IF_NONE_MATCH", "c");
    CPPUNIT_ASSERT_EQUAL(std::string("c"), Joined(fields));
  }

  void RefusesContentTypeThatCameTwice() {
    const std::string json = "application/json";
    const std::string quoted = R"(multipart/form-data; boundary="a,b")";
    const std::string list = json + ", text/plain";
    CPPUNIT_ASSERT_EQUAL(std::string("taken"), Outcome({}));
    CPPUNIT_ASSERT_EQUAL(std::string("taken"), Outcome({{"CONTENT_TYPE", json}}));
    CPPUNIT_ASSERT_EQUAL(std::string("taken"), Outcome({{"CONTENT_TYPE", quoted}}));
    CPPUNIT_ASSERT_EQUAL(std::string("taken"), Outcome({{"CONTENT_TYPE", json}, {kTypeLines, json}}));
    CPPUNIT_ASSERT_EQUAL(std::string("taken"), Outcome({{kTypeLines, ""}}));
    CPPUNIT_ASSERT_EQUAL(std::string("taken"), Outcome({{"HTTP_CONTENT_TYPE", "text/plain"}}));
    // As Apache and nginx 1.23 join them, and as nginx 1.22 and Content_Type behind lighttpd show themselves.
    const std::string refused = "repeated-field";
    CPPUNIT_ASSERT_EQUAL(refused, Outcome({{"CONTENT_TYPE", list}}));
    CPPUNIT_ASSERT_EQUAL(refused, Outcome({{"CONTENT_TYPE", list}, {kTypeLines, list}}));
    CPPUNIT_ASSERT_EQUAL(refused,
                         Outcome({{"CONTENT_TYPE", json}, {kTypeLines, json}, {kTypeLines, "text/plain"}}));
    CPPUNIT_ASSERT_EQUAL(refused, Outcome({{kTypeLines, "text/plain"}, {"CONTENT_TYPE", json}}));
    CPPUNIT_ASSERT_EQUAL(refused, Outcome({{kTypeLines, "text/plain"}}));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FieldsTest);

}  // namespace
}  // namespace hashpost::http
