#include "fcgi-worker/drop/upload.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/fcgi-worker/drop/upload_fixture.h"

namespace hashpost::drop {
namespace {

class UploadTest : public UploadFixture {
  CPPUNIT_TEST_SUITE(UploadTest);
  CPPUNIT_TEST(PutsTheFileInItsPlace);
  CPPUNIT_TEST(RefusesNamesThatAreNone);
  CPPUNIT_TEST(RefusesTokensThatAreNone);
  CPPUNIT_TEST(KeepsNewerContent);
  CPPUNIT_TEST(OpensWithAnyOfItsKeys);
  CPPUNIT_TEST(RefusesWhatIsTooLargeOrTooOld);
  CPPUNIT_TEST(JudgesATokensAgeWhenItsFirstBytesArrive);
  CPPUNIT_TEST(AsksToSendAgainWhatBrokeOff);
  CPPUNIT_TEST(ReadsARefusedUploadOnlySoFar);
  CPPUNIT_TEST(TellsWhyThereIsNoDrop);
  CPPUNIT_TEST_SUITE_END();

 public:
  void PutsTheFileInItsPlace() {
    for (const std::string& content : {std::string("<all/>"), std::string(), std::string(300'000, 'x')}) {
      const http::Response response = Post("books", Seal(content, ++time_));
      CPPUNIT_ASSERT_EQUAL(std::string(R"({"msg":"File is decrypted and saved to )") + Output() +
                               R"(/books.xml","status_code":201})",
                           response.content);
      CPPUNIT_ASSERT_EQUAL(201, response.status);
      CPPUNIT_ASSERT_EQUAL(content, File("books"));
    }
    CPPUNIT_ASSERT_EQUAL(201, Post("b\xC3\xBC"
                                   "cher 2.\\&",
                                   Seal("x", ++time_))
                                  .status);
    CPPUNIT_ASSERT_EQUAL(std::string("x"), File("b\xC3\xBC"
                                                "cher 2.\\&"));
  }

  void RefusesNamesThatAreNone() {
    const std::vector<std::string> names = {"",           ".",
                                            "..",         ".books",
                                            "a/b",        "a\nb",
                                            "a\x7F",      std::string(201, 'n'),
                                            "\xFF",       "a\xC2\x85",
                                            "a\u202Eb",   "a\u200Bb",
                                            "\uFEFFb",    std::string("a\0b", 3),
                                            "/etc/passwd"};
    for (const std::string& name : names) {
      ExpectProblem(Post(name, Seal("x", ++time_)), 400, "bad-file-name");
    }
    CPPUNIT_ASSERT_EQUAL(201, Post(std::string(200, 'n'), Seal("x", ++time_)).status);
    CPPUNIT_ASSERT(std::filesystem::exists(Output() + "/" + std::string(200, 'n') + ".xml"));
  }

  void RefusesTokensThatAreNone() {
    const std::string good = Seal("<all/>", kTime);
    std::string other_version = good;
    other_version[0] = 'h';
    std::string changed = good;
    changed[60] = changed[60] == 'A' ? 'B' : 'A';
    const fernet::Key wrong = fernet::Key::Generate();
    for (const std::string& token : {std::string(), std::string("!"), std::string("not a token"),
                                     good.substr(4), good.substr(0, good.size() - 4), other_version, changed,
                                     good + "AAAA", SealWith(wrong, "<all/>", kTime)}) {
      ExpectProblem(Post("books", token), 400, "bad-token");
    }
    CPPUNIT_ASSERT(std::filesystem::is_empty(Output()));
  }

  void KeepsNewerContent() {
    const std::string first = Seal("first", 100);
    const std::string second = Seal("second", 200);
    CPPUNIT_ASSERT_EQUAL(201, Post("books", first).status);
    CPPUNIT_ASSERT_EQUAL(201, Post("books", second).status);
    ExpectProblem(Post("books", first), 409, "replayed");
    CPPUNIT_ASSERT_EQUAL(std::string("second"), File("books"));
    CPPUNIT_ASSERT_EQUAL(201, Post("books", second).status);
    CPPUNIT_ASSERT_EQUAL(201, Post("other", first).status);
    Open();  // as a restart
    ExpectProblem(Post("books", first), 409, "replayed");
  }

  void OpensWithAnyOfItsKeys() {
    const fernet::Key old_key = fernet::Key::Generate();
    std::ofstream(KeyFile(), std::ios::app) << old_key.Text() << "\n";
    Open();
    CPPUNIT_ASSERT_EQUAL(201, Post("books", Seal("new", 100)).status);
    CPPUNIT_ASSERT_EQUAL(201, Post("books", SealWith(old_key, "old", 200)).status);
    CPPUNIT_ASSERT_EQUAL(std::string("old"), File("books"));
  }

  void RefusesWhatIsTooLargeOrTooOld() {
    options_.max_file_bytes = 1000;
    options_.max_age = std::chrono::seconds(60);
    Open();
    const std::uint64_t now = fernet::Stamp::Now().time;
    CPPUNIT_ASSERT_EQUAL(201, Post("books", Seal(std::string(1000, 'x'), now)).status);
    ExpectProblem(Post("books", Seal(std::string(1001, 'x'), now)), 413, "too-large");
    ExpectProblem(Post("books", Seal(std::string(100'000, 'x'), now)), 413, "too-large");
    ExpectProblem(Post("books", Seal(std::string(300'000, 'x'), now),
                       [](http::TestExchange& exchange) { exchange.ForgetLength(); }),
                  413, "too-large");
    ExpectProblem(Post("books", Seal("x", now - 1000)), 400, "token-time");
    ExpectProblem(Post("books", Seal("x", now + 1000)), 400, "token-time");
  }

  // An upload that took longer than the maximum age was refused, and so was each repetition.
  void JudgesATokensAgeWhenItsFirstBytesArrive() {
    std::size_t read = 0;
    options_.max_age = std::chrono::seconds(60);
    options_.now = [&] { return read < 100'000 ? kTime : kTime + 1000; };
    Open();
    const auto count = [&](http::TestExchange& exchange) {
      read = 0;
      exchange.CountReads(read);
    };
    const std::string content(300'000, 'x');
    CPPUNIT_ASSERT_EQUAL(201, Post("books", Seal(content, kTime - 60), count).status);
    ExpectProblem(Post("books", Seal(content, kTime - 61), count), 400, "token-time");
    ExpectProblem(Post("books", Seal(content, kTime + 61), count), 400, "token-time");
  }

  void AsksToSendAgainWhatBrokeOff() {
    ExpectProblem(Post(
                      "books", Seal(std::string(1000, 'x'), kTime),
                      [](http::TestExchange& exchange) { exchange.BreakOff(); }, ""),
                  503, "upload-broken-off");
    CPPUNIT_ASSERT(std::filesystem::is_empty(Output()));
  }

  void ReadsARefusedUploadOnlySoFar() {
    std::size_t read = 0;
    ExpectProblem(Post(".hidden", std::string(65536, 'x'),
                       [&](http::TestExchange& exchange) {
                         exchange.NeverEnd();
                         exchange.CountReads(read);
                       }),
                  400, "bad-file-name");
    CPPUNIT_ASSERT(read >= (std::size_t{64} << 20U) && read < (std::size_t{65} << 20U));
    // Nor for longer than half a minute, which is shorter here.
    upload_.reset();
    upload_ = std::make_unique<UploadResource>(
        std::make_unique<FileReceiver>(options_), UploadResource::Failed(),
        http::PassOverLimits{.bytes = ~std::uint64_t{0}, .time = std::chrono::milliseconds(1)});
    ExpectProblem(Post(".hidden", "x", [](http::TestExchange& exchange) { exchange.NeverEnd(); }), 400,
                  "bad-file-name");
    CPPUNIT_ASSERT(http::PassOverLimits{}.time == std::chrono::seconds(30));
  }

  void TellsWhyThereIsNoDrop() {
    upload_ = std::make_unique<UploadResource>(nullptr, UploadResource::Off());
    ExpectProblem(Post("books", Seal("x", kTime)), 404, "drop-off");
    upload_ = std::make_unique<UploadResource>(nullptr, UploadResource::Failed());
    ExpectProblem(Post("books", Seal("x", kTime)), 503, "drop-unavailable");
    ExpectProblem(Ask("GET", "books", "", [](http::TestExchange&) {}), 405, "method-not-allowed");
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(UploadTest);

}  // namespace
}  // namespace hashpost::drop
