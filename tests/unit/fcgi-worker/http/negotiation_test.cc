#include "fcgi-worker/http/negotiation.h"

#include <cppunit/extensions/HelperMacros.h>

#include <array>
#include <initializer_list>
#include <vector>

namespace hashpost::http {
namespace {

constexpr std::array<std::string_view, 2> kOffers = {"application/json", "text/plain"};

std::string Chosen(std::optional<std::string_view> accept) {
  const auto index = Negotiate(accept, kOffers);
  return index ? std::string(kOffers.at(*index)) : "none";
}

class MediaTypeTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(MediaTypeTest);
  CPPUNIT_TEST(ParsesTypesAndTheirCharset);
  CPPUNIT_TEST(RefusesWhatIsNoMediaType);
  CPPUNIT_TEST(TakesTheFirstOfferWithoutAnAccept);
  CPPUNIT_TEST(WeighsRangesAsTheStandardSays);
  CPPUNIT_TEST(FollowsTheStandardsExampleOfPrecedence);
  CPPUNIT_TEST(PassesOverRangesThatCannotBeParsed);
  CPPUNIT_TEST(AcceptsWhatJavasOwnClientSends);
  CPPUNIT_TEST(FindsNothingAcceptable);
  CPPUNIT_TEST(TakesEachSpellingOfUtf8);
  CPPUNIT_TEST(KnowsAnEssenceByTheRuleOfTheWebServers);
  CPPUNIT_TEST(FindsACodingInAnyLineAndElement);
  CPPUNIT_TEST_SUITE_END();

 public:
  void ParsesTypesAndTheirCharset() {
    struct Case {
      const char* value;
      const char* essence;
      const char* charset;
    };
    for (const Case& c : std::vector<Case>{
             {"application/json", "application/json", ""},
             {"Application/JSON", "application/json", ""},
             {" text/plain ", "text/plain", ""},
             {"text/plain;charset=utf-8", "text/plain", "utf-8"},
             {"text/plain; charset=UTF-8", "text/plain", "utf-8"},
             {"text/plain \t;\t Charset=\"utf-8\"", "text/plain", "utf-8"},
             {"text/plain;charset=\"ut\\f-8\"", "text/plain", "utf-8"},
             {"text/plain;;charset=utf-8; ;", "text/plain", "utf-8"},
             {"text/plain;", "text/plain", ""},
             {"text/plain;charset=utf-8;charset=UTF-8", "text/plain", "utf-8"},
             {"multipart/form-data; boundary=\"a;b,c=\\\"d\\\"\"; charset=x", "multipart/form-data", "x"},
             {"application/vnd.x+json;version=1", "application/vnd.x+json", ""},
             {"text/plain;charset=\"\"", "text/plain", ""},
             {"text/plain;xcharset=a", "text/plain", ""},
         }) {
      const auto media_type = ParseMediaType(c.value);
      CPPUNIT_ASSERT_MESSAGE(c.value, media_type.has_value());
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.value, std::string(c.essence), media_type->essence);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(c.value, std::string(c.charset), media_type->charset);
    }
  }

  void RefusesWhatIsNoMediaType() {
    for (const std::string_view value : {"",
                                         " ",
                                         "json",
                                         "/",
                                         "text/",
                                         "/plain",
                                         "text /plain",
                                         "text/ plain",
                                         "text/plain/x",
                                         "text/plain x",
                                         "text/plain,application/json",
                                         "application/json, text/plain",
                                         "text/plain;charset",
                                         "text/plain;charset=",
                                         "text/plain;charset =utf-8",
                                         "text/plain;charset= utf-8",
                                         "text/plain;charset=\"utf-8",
                                         "text/plain;=utf-8",
                                         "text/plain;charset=utf-8 x",
                                         "text/plain;charset=utf-8;charset=latin1",
                                         "t\xC3\xA9xt/plain",
                                         "text/plain;a=\"\x01\"",
                                         "text/plain;a=\"\\",
                                         "text@plain/x"}) {
      CPPUNIT_ASSERT_MESSAGE(std::string(value), !ParseMediaType(value).has_value());
    }
  }

  void TakesTheFirstOfferWithoutAnAccept() {
    CPPUNIT_ASSERT_EQUAL(std::string("application/json"), Chosen(std::nullopt));
    for (const std::string_view accept : {"", " ", ",", " , ,", "*/*", " */* ", "*/*;q=0.1", "*/*, ,"}) {
      CPPUNIT_ASSERT_EQUAL(std::string("application/json"), Chosen(accept));
    }
    CPPUNIT_ASSERT(!Negotiate(std::nullopt, {}).has_value());
  }

  void WeighsRangesAsTheStandardSays() {
    const std::vector<std::pair<std::string_view, std::string>> cases = {
        {"text/plain", "text/plain"},
        {"TEXT/Plain", "text/plain"},
        {"text/*", "text/plain"},
        {"text/plain, application/json", "application/json"},
        {"text/plain, application/json;q=0.9", "text/plain"},
        {"text/plain;q=0.9, application/json;q=0.9", "application/json"},
        {"text/plain;q=0.901, application/json;q=0.9", "text/plain"},
        {"text/plain ; Q=0.5 , */* ; q=0.4", "text/plain"},
        {"text/plain, */*;q=0.1", "text/plain"},
        {"*/*, application/json;q=0", "text/plain"},
        {"*/*, application/*;q=0", "text/plain"},
        {"application/json;q=0, application/*", "none"},
        {"text/*;q=1.000, application/json;q=0.999", "text/plain"},
        {"text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", "application/json"},
        {"text/plain;charset=utf-8", "text/plain"},
        {"text/plain;charset=\"UTF-8\"", "text/plain"},
        {"text/plain;charset=latin1, application/json;q=0.1", "application/json"},
        {"text/plain;q=0.3, text/plain;charset=utf-8, application/json;q=0.5", "text/plain"},
        {"text/plain;q=0.2;ext=1, application/json;q=0.1", "text/plain"},
        {"text/plain;q=0.2, text/plain;q=0.9, application/json;q=0.5", "text/plain"},
        {"application/json;profile=\"a,b\", text/plain;q=0.1", "text/plain"},
    };
    for (const auto& [accept, expected] : cases) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(accept), expected, Chosen(accept));
    }
  }

  // The table under "Accept" in RFC 9110 §12.5.1, for the types that need no parameter: plain is 0.7, html
  // 0.3, and image/jpeg 0.5.
  void FollowsTheStandardsExampleOfPrecedence() {
    const std::string_view accept =
        "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5";
    const std::vector<std::string_view> by_quality = {"text/plain", "image/jpeg", "text/html"};
    for (std::size_t better = 0; better < by_quality.size(); ++better) {
      for (std::size_t worse = better + 1; worse < by_quality.size(); ++worse) {
        const std::array<std::string_view, 2> offers = {by_quality[worse], by_quality[better]};
        CPPUNIT_ASSERT(Negotiate(accept, offers) == std::optional<std::size_t>(1));
      }
    }
  }

  void PassesOverRangesThatCannotBeParsed() {
    for (const std::string bad : {"garbage",
                                  "/",
                                  "text/",
                                  "*/plain",
                                  "text plain",
                                  "text/plain x",
                                  "application/json;q=",
                                  "application/json;q=2",
                                  "application/json;q=1.001",
                                  "application/json;q=0.1234",
                                  "application/json;q=-1",
                                  "application/json;q=.",
                                  "application/json;q=1e0",
                                  "application/json;q=01",
                                  "application/json;q",
                                  "application/json;a=\"b",
                                  "\"",
                                  "\xFF",
                                  ";q=1",
                                  "application//json"}) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(bad, std::string("none"), Chosen(bad));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(bad, std::string("text/plain"), Chosen(bad + ", text/plain"));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(bad, std::string("text/plain"), Chosen("text/plain," + bad));
    }
  }

  void AcceptsWhatJavasOwnClientSends() {
    CPPUNIT_ASSERT_EQUAL(std::string("application/json"),
                         Chosen("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"));
  }

  void FindsNothingAcceptable() {
    for (const std::string_view accept :
         {"text/html", "application/xml, image/*", "*/*;q=0", "*/*;q=0.000", "application/json;q=0",
          "application/json;version=2", "text/plainer"}) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(accept), std::string("none"), Chosen(accept));
    }
  }

  void TakesEachSpellingOfUtf8() {
    const auto is_utf8 = [](std::string_view value) { return ParseMediaType(value).value().IsUtf8(); };
    for (const std::string_view charset : {"utf-8", "UTF-8", "utf8", "Utf8", "\"utf8\"", "us-ascii"}) {
      CPPUNIT_ASSERT_MESSAGE(std::string(charset), is_utf8("text/plain; charset=" + std::string(charset)));
    }
    CPPUNIT_ASSERT(is_utf8("text/plain"));
    for (const std::string_view charset : {"latin1", "utf", "utf-16", "utf88", "utf_8", "ascii8"}) {
      CPPUNIT_ASSERT_MESSAGE(std::string(charset), !is_utf8("text/plain; charset=" + std::string(charset)));
    }
    CPPUNIT_ASSERT_EQUAL(std::string("text/plain"), Chosen("text/plain; charset=utf8"));
  }

  void KnowsAnEssenceByTheRuleOfTheWebServers() {
    for (const std::string_view value : {"a/b", "A/B", "a/b;c=d", "a/b \t;", "a/b \t", "a/b;;garbage"}) {
      CPPUNIT_ASSERT_MESSAGE(std::string(value), HasEssence(value, "a/b"));
    }
    for (const std::string_view value : {"", "a/", "a/bc", "a/b c", "a/b, a/b", " a/b", "a/b\v"}) {
      CPPUNIT_ASSERT_MESSAGE(std::string(value), !HasEssence(value, "a/b"));
    }
  }

  void FindsACodingInAnyLineAndElement() {
    const auto is_coded = [](std::initializer_list<Field> fields) {
      Request request;
      request.fields = fields;
      return HasContentCoding(request);
    };
    CPPUNIT_ASSERT(!is_coded({}));
    for (const std::string_view value :
         {"", " ", "identity", "Identity", " identity , identity", ",, identity"}) {
      CPPUNIT_ASSERT_MESSAGE(std::string(value), !is_coded({{"CONTENT_ENCODING", value}}));
    }
    for (const std::string_view value :
         {"gzip", "identity, gzip", "gzip, identity", "identity gzip", "identity;q=1"}) {
      CPPUNIT_ASSERT_MESSAGE(std::string(value), is_coded({{"CONTENT_ENCODING", value}}));
    }
    CPPUNIT_ASSERT(is_coded({{"CONTENT_ENCODING", "identity"}, {"CONTENT_ENCODING", "gzip"}}));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(MediaTypeTest);

}  // namespace
}  // namespace hashpost::http
