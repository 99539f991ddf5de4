#include "file-sender/naming.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <utility>
#include <vector>

#include "fcgi-worker/drop/file_name.h"
#include "fcgi-worker/http/problem.h"

namespace hashpost::sender {
namespace {

class NamingTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(NamingTest);
  CPPUNIT_TEST(TakesJsonFilesThatAreNotHidden);
  CPPUNIT_TEST(GivesEveryNameATargetOfItsOwn);
  CPPUNIT_TEST(RefusesNamesThatNoReceiverCouldKeep);
  CPPUNIT_TEST(RefusesEveryHiddenCharacterThatTheReceiverRefuses);
  CPPUNIT_TEST(EncodesAllThatAUrlCannotHold);
  CPPUNIT_TEST_SUITE_END();

 public:
  void TakesJsonFilesThatAreNotHidden() {
    for (const char* name : {"a.json", "a.b.json", "a..json", "JSON.json", "json.json"}) {
      CPPUNIT_ASSERT_MESSAGE(name, IsInput(name));
    }
    for (const char* name : {"", ".json", ".a.json", "a.JSON", "a.json.", "a.jsonl", "ajson", "a.json~"}) {
      CPPUNIT_ASSERT_MESSAGE(name, !IsInput(name));
    }
    for (const char* name : {"a.JSON", "a.Json", "a.b.jsoN"}) {
      CPPUNIT_ASSERT_MESSAGE(name, IsAlmostInput(name));
    }
    for (const char* name : {"", "a.json", ".JSON", ".a.JSON", "a.JSONL", "aJSON", "a.J\nSON"}) {
      CPPUNIT_ASSERT_MESSAGE(name, !IsAlmostInput(name));
    }
  }

  void GivesEveryNameATargetOfItsOwn() {
    const std::vector<std::pair<std::string, std::string>> cases = {{"books.json", "books"},
                                                                    {"a.b.json", "a.b"},
                                                                    {"a..json", "a."},
                                                                    {"a.json.json", "a.json"},
                                                                    {"\u00fc.json", "\u00fc"}};
    for (const auto& [name, target] : cases) {
      CPPUNIT_ASSERT_EQUAL(target, std::get<Target>(TargetOf(name)).name);
    }
    CPPUNIT_ASSERT(std::holds_alternative<Target>(TargetOf(std::string(200, 'x') + ".json")));
  }

  void RefusesNamesThatNoReceiverCouldKeep() {
    for (const std::string& name :
         {std::string(201, 'x'), std::string("a\tb"), std::string("a\x7f"), std::string("\xfc")}) {
      CPPUNIT_ASSERT_MESSAGE(name, std::holds_alternative<BadName>(TargetOf(name + ".json")));
    }
  }

  // A name with U+0085 was refused by the receiver only, after the whole file had been sent.
  void RefusesEveryHiddenCharacterThatTheReceiverRefuses() {
    for (const std::string& character :
         {std::string("\x01"), std::string("\x1f"), std::string("\x7f"), std::string("\u0080"),
          std::string("\u0085"), std::string("\u009f"), std::string("\u200b"), std::string("\u202e"),
          std::string("\u2028")}) {
      const std::string name = "a" + character + "b";
      CPPUNIT_ASSERT_THROW_MESSAGE(name, (void)drop::CheckedFileName(name), http::HttpError);
      CPPUNIT_ASSERT_MESSAGE(name, std::holds_alternative<BadName>(TargetOf(name + ".json")));
    }
    for (const std::string name : {"a\u00a0b", "\u0105", "\u200c", "a\\b"}) {
      CPPUNIT_ASSERT_EQUAL(name, drop::CheckedFileName(name));
      CPPUNIT_ASSERT_EQUAL(name, std::get<Target>(TargetOf(name + ".json")).name);
    }
  }

  void EncodesAllThatAUrlCannotHold() {
    CPPUNIT_ASSERT_EQUAL(std::string("aZ09-._~"), PercentEncode("aZ09-._~"));
    CPPUNIT_ASSERT_EQUAL(std::string("%20%25%2F%3F%23%22%C3%BC"), PercentEncode(" %/?#\"\u00fc"));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(NamingTest);

}  // namespace
}  // namespace hashpost::sender
