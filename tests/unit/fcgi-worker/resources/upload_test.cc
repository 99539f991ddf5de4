#include "fcgi-worker/resources/upload.h"

#include <cppunit/extensions/HelperMacros.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fcgi-worker/resources/router.h"
#include "lib/crypto/fernet_key_file.h"
#include "lib/crypto/fernet_seal.h"
#include "lib/log/log.h"
#include "tests/unit/fcgi-worker/resources/test_exchange.h"
#include "tests/unit/lib/json/memory_streams.h"
#include "tests/unit/temp_folder.h"

namespace hashpost::resources {
namespace {

constexpr std::uint64_t kTime = 1'700'000'000;

class UploadTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(UploadTest);
  CPPUNIT_TEST(PutsTheFileInItsPlace);
  CPPUNIT_TEST(RefusesNamesThatAreNone);
  CPPUNIT_TEST(RefusesTokensThatAreNone);
  CPPUNIT_TEST(KeepsNewerContent);
  CPPUNIT_TEST(OpensWithAnyOfItsKeys);
  CPPUNIT_TEST(RefusesWhatIsTooLargeOrTooOld);
  CPPUNIT_TEST(AsksToSendAgainWhatBrokeOff);
  CPPUNIT_TEST(LeavesNothingOfAnUploadThatFailed);
  CPPUNIT_TEST(SaysSoWhenTheFolderIsGone);
  CPPUNIT_TEST(SweepsWhatAKillLeft);
  CPPUNIT_TEST(TellsWhyThereIsNoDrop);
  CPPUNIT_TEST(DoesNotStartWithABadKey);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    log::SetLevel(static_cast<log::Level>(4));  // these tests provoke what is logged
    std::filesystem::create_directory(Output());
    Open();
  }
  void tearDown() override { log::SetLevel(log::Level::kInfo); }

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
    const std::vector<std::string> names = {"",
                                            ".",
                                            "..",
                                            ".books",
                                            "a/b",
                                            "a\nb",
                                            "a\x7F",
                                            std::string(201, 'n'),
                                            "\xFF",
                                            "a\xC2\x85",
                                            std::string("a\0b", 3),
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
    const crypto::FernetKey wrong = crypto::FernetKey::Generate();
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
    const crypto::FernetKey old_key = crypto::FernetKey::Generate();
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
    const std::uint64_t now = crypto::FernetStamp::Now().time;
    CPPUNIT_ASSERT_EQUAL(201, Post("books", Seal(std::string(1000, 'x'), now)).status);
    ExpectProblem(Post("books", Seal(std::string(1001, 'x'), now)), 413, "too-large");
    ExpectProblem(Post("books", Seal(std::string(100'000, 'x'), now)), 413, "too-large");
    ExpectProblem(Post("books", Seal(std::string(300'000, 'x'), now),
                       [](TestExchange& exchange) { exchange.ForgetLength(); }),
                  413, "too-large");
    ExpectProblem(Post("books", Seal("x", now - 1000)), 400, "token-time");
    ExpectProblem(Post("books", Seal("x", now + 1000)), 400, "token-time");
  }

  void AsksToSendAgainWhatBrokeOff() {
    ExpectProblem(Post(
                      "books", Seal(std::string(1000, 'x'), kTime),
                      [](TestExchange& exchange) { exchange.BreakOff(); }, ""),
                  503, "upload-broken-off");
    CPPUNIT_ASSERT(std::filesystem::is_empty(Output()));
  }

  void LeavesNothingOfAnUploadThatFailed() {
    const std::string token = Seal(std::string(200'000, 'x'), kTime);
    ExpectProblem(Post(
                      "books", token, [](TestExchange&) {}, "\r\n--B"),
                  400, "bad-form");
    ExpectProblem(Post(
                      "books", token, [](TestExchange&) {}, ""),
                  400, "bad-form");
    CPPUNIT_ASSERT(std::filesystem::is_empty(Output()));
  }

  void SaysSoWhenTheFolderIsGone() {
    std::filesystem::remove(Output());
    ExpectProblem(Post("books", Seal("x", kTime)), 503, "drop-unavailable");
    std::filesystem::create_directory(Output());
    CPPUNIT_ASSERT_EQUAL(201, Post("books", Seal("x", kTime)).status);
    std::filesystem::create_directory(Output() + "/folder.xml");
    ExpectProblem(Post("folder", Seal("x", kTime)), 503, "drop-unavailable");
  }

  void SweepsWhatAKillLeft() {
    const std::string inside = Output() + "/.hashpost-incoming";
    std::filesystem::create_directory(inside);
    const std::string incoming = folder_.path() + "/drop/incoming";
    for (const std::string& name : {incoming + "/books.xml.new", inside + "/books.xml.new",
                                    incoming + "/other", Output() + "/books.xml.new"})
      std::ofstream(name) << "x";
    Open();
    CPPUNIT_ASSERT(!std::filesystem::exists(incoming + "/books.xml.new"));
    CPPUNIT_ASSERT(!std::filesystem::exists(inside + "/books.xml.new"));
    CPPUNIT_ASSERT(std::filesystem::exists(incoming + "/other"));
    CPPUNIT_ASSERT(std::filesystem::exists(Output() + "/books.xml.new"));
  }

  void TellsWhyThereIsNoDrop() {
    upload_ = std::make_unique<Upload>(nullptr, Upload::Off());
    ExpectProblem(Post("books", Seal("x", kTime)), 404, "drop-off");
    upload_ = std::make_unique<Upload>(nullptr, Upload::Failed());
    ExpectProblem(Post("books", Seal("x", kTime)), 503, "drop-unavailable");
    ExpectProblem(Ask("GET", "books", "", [](TestExchange&) {}), 405, "method-not-allowed");
  }

  void DoesNotStartWithABadKey() {
    for (const char* text : {"", "\n", "no key\n", "AAAA\n"}) {
      std::ofstream(KeyFile()) << text;
      CPPUNIT_ASSERT_THROW(Open(), crypto::FernetKeyError);
    }
    options_.state = "/proc/none";
    CPPUNIT_ASSERT_THROW(Open(), DropUnavailable);
  }

 private:
  using Change = std::function<void(TestExchange&)>;
  static constexpr std::string_view kEnd = "\r\n--B--\r\n";

  [[nodiscard]] std::string Output() const { return folder_.path() + "/out"; }
  [[nodiscard]] std::string KeyFile() const { return folder_.path() + "/drop/key"; }
  [[nodiscard]] std::string File(const std::string& name) const {
    std::ifstream in(Output() + "/" + name + ".xml");
    return {std::istreambuf_iterator<char>(in), {}};
  }

  void Open() {
    upload_.reset();  // LMDB: one environment once in a process
    options_.folder = Output();
    if (options_.state.empty()) options_.state = folder_.path() + "/drop";
    options_.key_file = KeyFile();
    upload_ = std::make_unique<Upload>(std::make_unique<Drop>(options_), Upload::Failed());
  }

  static std::string SealWith(const crypto::FernetKey& key, const std::string& content, std::uint64_t time) {
    io::MemorySink token;
    crypto::FernetStamp stamp = crypto::FernetStamp::Now();
    stamp.time = time;
    crypto::FernetSealer sealer(key, token, stamp);
    sealer.Write(content);
    sealer.Finish();
    return token.text;
  }
  [[nodiscard]] std::string Seal(const std::string& content, std::uint64_t time) const {
    return SealWith(crypto::LoadKeyFile(KeyFile()).keys.Sealing(), content, time);
  }

  http::Response Post(
      const std::string& name, const std::string& token, const Change& change = [](TestExchange&) {},
      std::string_view end = kEnd) {
    return Ask("POST", name,
               "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.xml.enc\"\r\n\r\n" +
                   token + std::string(end),
               change);
  }

  http::Response Ask(const std::string& method, const std::string& name, const std::string& body,
                     const Change& change) {
    Router router(failure_);
    router.Add(std::string(Upload::kPath), *upload_);
    std::optional<http::Response> answer;
    auto exchange = std::make_unique<TestExchange>(method, "/upload/" + name, body, answer);
    exchange->AddField("CONTENT_TYPE", "multipart/form-data; boundary=B");
    change(*exchange);
    const http::Handler& handler = *router.Find(exchange->request()).handler;
    handler.Handle(std::move(exchange));
    CPPUNIT_ASSERT(answer.has_value());
    return *std::move(answer);
  }

  static void ExpectProblem(const http::Response& response, int status, const std::string& slug) {
    CPPUNIT_ASSERT_EQUAL_MESSAGE(response.content, status, response.status);
    CPPUNIT_ASSERT_MESSAGE(response.content,
                           response.content.starts_with("{\"type\":\"/problems/" + slug + "\","));
    CPPUNIT_ASSERT_MESSAGE(response.content, response.content.find(",\"msg\":\"") != std::string::npos);
    CPPUNIT_ASSERT_MESSAGE(response.content,
                           response.content.ends_with(",\"status_code\":" + std::to_string(status) + "}"));
  }

  TempFolder folder_;
  DropOptions options_;
  std::uint64_t time_ = kTime;
  Failure failure_{[](const std::string&) {}};
  std::unique_ptr<Upload> upload_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(UploadTest);

}  // namespace
}  // namespace hashpost::resources
