#include "fcgi-worker/drop/multipart.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "fcgi-worker/http/problem.h"
#include "tests/unit/lib/json/memory_streams.h"

namespace hashpost::drop {
namespace {

const std::string kHead = "Content-Disposition: form-data; name=\"file\"; filename=\"a.xml.enc\"\r\n";

// What the only part of `body` holds; "refused: <sentence>" if it is refused.
std::string Content(const std::string& body, std::size_t piece, std::size_t room,
                    std::string_view boundary = "B") {
  try {
    io::MemorySource source(body, piece);
    FormFile file(source, boundary, "file");
    std::string content;
    std::string buffer(room, '\0');
    while (const std::size_t size = file.Read(buffer)) content.append(buffer, 0, size);
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, file.Read(buffer));
    return content;
  } catch (const http::HttpError& error) {
    CPPUNIT_ASSERT_EQUAL(400, error.problem().status);
    CPPUNIT_ASSERT_EQUAL(std::string("bad-form"), std::string(error.problem().slug));
    return "refused: " + error.problem().err_msg;
  }
}

std::string Form(const std::string& content) {
  return "--B\r\n" + kHead + "Content-Type: application/octet-stream\r\n\r\n" + content + "\r\n--B--\r\n";
}

class MultipartTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(MultipartTest);
  CPPUNIT_TEST(GivesTheContentOfTheOnlyPart);
  CPPUNIT_TEST(TakesWhatStandardsAllowAroundIt);
  CPPUNIT_TEST(RefusesWhatIsNotExactlyOneWholePart);
  CPPUNIT_TEST(BoundsWhatItKeeps);
  CPPUNIT_TEST(FindsTheBoundary);
  CPPUNIT_TEST(RefusesOtherContentTypes);
  CPPUNIT_TEST(SaysWhatIsWrongWithABoundary);
  CPPUNIT_TEST_SUITE_END();

 public:
  void GivesTheContentOfTheOnlyPart() {
    const std::vector<std::string> contents = {"",
                                               "x",
                                               "\r\n",
                                               "\r",
                                               "\n",
                                               "\r\n--",
                                               "\r\n--A",
                                               "--B",
                                               "a\r\r\n-",
                                               "\r\n\r\n--C--\r\n",
                                               "\r\r\n--",
                                               std::string(200'000, 'z'),
                                               std::string(70'000, '\r'),
                                               std::string("\0\r\n\xFF", 4)};
    for (const std::string& content : contents) {
      for (const std::size_t piece : {1, 2, 7, 65536}) {
        for (const std::size_t room : {1, 3, 65536}) {
          if (content.size() > 1000 && (piece < 7 || room < 3)) continue;
          CPPUNIT_ASSERT_EQUAL(content, Content(Form(content), piece, room));
        }
      }
    }
  }

  void TakesWhatStandardsAllowAroundIt() {
    const std::vector<std::string> bodies = {
        "--B\r\n" + kHead + "\r\nabc\r\n--B--",
        "\r\n--B\r\n" + kHead + "\r\nabc\r\n--B--\r\n",
        "preamble\r\nof lines\r\n--B\r\n" + kHead + "\r\nabc\r\n--B--\r\nepilogue",
        "--B \t\r\n" + kHead + "\r\nabc\r\n--B-- \t\r\n",
        "--B\r\ncontent-disposition:form-data;filename=x;name=file\r\n\r\nabc\r\n--B--",
        "--B\r\nX-A: b\r\nContent-Transfer-Encoding: binary\r\nContent-Disposition: FORM-DATA; "
        "NAME=\"fi\\le\"\r\n\r\nabc\r\n--B--",
        "--B\r\nContent-Disposition: form-data; name=\"file\"; filename*=utf-8''%e2%82%ac; "
        "filename=\"\xE2\x82\xAC;name=x\"\r\n\r\nabc\r\n--B--",
    };
    for (const std::string& body : bodies) CPPUNIT_ASSERT_EQUAL(std::string("abc"), Content(body, 5, 64));
  }

  void RefusesWhatIsNotExactlyOneWholePart() {
    const std::string part = "--B\r\n" + kHead + "\r\nabc\r\n";
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"", "before its closing boundary"},
        {"abc", "before its closing boundary"},
        {"--C\r\n" + kHead + "\r\nabc\r\n--C--\r\n", "before its closing boundary"},
        {"--B--\r\n", "no part"},
        {"--B", "before its closing boundary"},
        {part, "before its closing boundary"},
        {part + "--B", "before its closing boundary"},
        {part + "--B-", "before its closing boundary"},
        {part + "--B-x", "behind a boundary"},
        {part + "--Bx--\r\n", "behind a boundary"},
        {part + "--B--x", "behind the closing boundary"},
        {part + "--B\r\n" + kHead + "\r\nd\r\n--B--\r\n", "more than one part"},
        {part + "--B\r\n", "more than one part"},
        {"--B\n" + kHead + "\nabc\n--B--", "bare line feed"},
        {"preamble\n--B\n" + kHead + "\nabc\n--B--\n", "bare line feed"},
        {"--B\r\n" + kHead + "\r\nabc\n--B--\n", "bare line feed"},
        {"--B\r\n" + kHead + "\r\n" + std::string(100'000, 'x') + "\n--B--\r\n", "bare line feed"},
        {"--B\r\n" + kHead + "\nabc\r\n--B--\r\n", "bare line feed"},
        {"--B\r\n\r\nabc\r\n--B--", "has no name"},
        {"--B\r\nContent-Type: text/plain\r\n\r\nabc\r\n--B--", "has no name"},
        {"--B\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nabc\r\n--B--", "called \"other\""},
        {"--B\r\nContent-Disposition: form-data; name=\"file\"; name=\"file\"\r\n\r\nabc\r\n--B--",
         "not well-formed"},
        {"--B\r\nContent-Disposition: form-data; name=\"file\r\n\r\nabc\r\n--B--", "not well-formed"},
        {"--B\r\n" + kHead + kHead + "\r\nabc\r\n--B--", "comes twice"},
        {"--B\r\nContent-Disposition: attachment; name=\"file\"\r\n\r\nabc\r\n--B--", "must be form-data"},
        {"--B\r\nno field\r\n\r\nabc\r\n--B--", "is not Name: value"},
        {"--B\r\n" + kHead + " folded\r\n\r\nabc\r\n--B--", "is not Name: value"},
        {"--B\r\n" + kHead + "X: a\nb\r\n\r\nabc\r\n--B--", "bare line feed"},
        {"--B\r\n" + kHead + "X: a\x01\r\n\r\nabc\r\n--B--", "control character"},
        {"--B\r\n" + kHead + "X: a\rb\r\n\r\nabc\r\n--B--", "does not end with CR LF"},
        {"--B\r\n" + kHead + "Content-Transfer-Encoding: base64\r\n\r\nYWJj\r\n--B--",
         "Content-Transfer-Encoding"},
        {"--B\r\n" + kHead, "before its closing boundary"},
    };
    for (const auto& [body, words] : cases) {
      for (const std::size_t piece : {1, 65536}) {
        const std::string outcome = Content(body, piece, 64);
        CPPUNIT_ASSERT_MESSAGE(body + " -> " + outcome,
                               outcome.starts_with("refused: ") && outcome.find(words) != std::string::npos);
      }
    }
  }

  void BoundsWhatItKeeps() {
    const std::string longest(FormFile::kMaxHeadBytes, 'x');
    for (const std::string& body :
         {longest + "x\r\n" + Form("abc"), "--B\r\nX: " + longest + "\r\n" + kHead + "\r\nabc\r\n--B--",
          "--B" + std::string(longest.size() + 1, ' ') + "\r\n" + kHead + "\r\nabc\r\n--B--",
          Form("abc") + longest}) {
      CPPUNIT_ASSERT(Content(body, 1000, 64).starts_with("refused: "));
    }
    CPPUNIT_ASSERT_EQUAL(std::string("abc"), Content(longest.substr(10) + "\r\n" + Form("abc"), 1000, 64));
  }

  void FindsTheBoundary() {
    const std::string longest(70, 'b');
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"multipart/form-data; boundary=abc", "abc"},
        {"Multipart/Form-Data;charset=utf-8;BOUNDARY=\"a b'()+_,-./:=?c\"", "a b'()+_,-./:=?c"},
        {"multipart/form-data; boundary=a:b=c", "a:b=c"},
        {"multipart/form-data;; boundary=" + longest, longest},
    };
    for (const auto& [type, boundary] : cases) CPPUNIT_ASSERT_EQUAL(boundary, FormBoundary(type));
  }

  void SaysWhatIsWrongWithABoundary() {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"", "names no boundary"},
        {"; boundary=", "names no boundary"},
        {"; boundary=\"a \"", "ends with a space"},
        {"; boundary=a#b", "the character #"},
        {"; boundary=\"a\\\"b\"", "the character \""},
        {"; boundary=a*b", "the character *"},
        {"; boundary=a\xC3\xBC", "beyond ASCII"},
        {"; boundary=a b", "in quotes"},
        {"; boundary=a; boundary=a", "two boundaries"},
        {"; boundary=" + std::string(71, 'b'), "has 71 bytes"},
    };
    for (const auto& [parameters, words] : cases) {
      try {
        (void)FormBoundary("multipart/form-data" + parameters);
        CPPUNIT_FAIL(parameters + " was taken");
      } catch (const http::HttpError& error) {
        CPPUNIT_ASSERT_MESSAGE(error.what(), std::string(error.what()).find(words) != std::string::npos);
      }
    }
  }

  void RefusesOtherContentTypes() {
    const std::vector<std::pair<std::string, int>> cases = {
        {"", 415},
        {"multipart/mixed; boundary=abc", 415},
        {"application/octet-stream", 415},
        {"multipart/form-data", 400},
        {"multipart/form-data; boundary=", 400},
        {"multipart/form-data; boundary=\"\"", 400},
        {"multipart/form-data; boundary=\"a \"", 400},
        {"multipart/form-data; boundary=a\"b", 400},
        {"multipart/form-data; boundary=\"a\\\"b\"", 400},
        {"multipart/form-data; boundary=a; boundary=a", 400},
        {"multipart/form-data; boundary=" + std::string(71, 'b'), 400},
        {"multipart/form-data boundary=abc", 400},
        {"multipart/form-data; boundary=\xE2\x82\xAC", 400},
    };
    for (const auto& [type, status] : cases) {
      try {
        (void)FormBoundary(type);
        CPPUNIT_FAIL(type + " was taken");
      } catch (const http::HttpError& error) {
        CPPUNIT_ASSERT_EQUAL_MESSAGE(type, status, error.problem().status);
      }
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(MultipartTest);

}  // namespace
}  // namespace hashpost::drop
