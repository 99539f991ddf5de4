#include "fcgi-worker/router.h"

#include <cppunit/extensions/HelperMacros.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "fcgi-worker/http/problem.h"
#include "fcgi-worker/resources/bulk.h"
#include "store/message_store.h"
#include "tests/unit/fcgi-worker/test_exchange.h"

namespace hashpost {
namespace {

class Scripted : public http::Resource {
 public:
  explicit Scripted(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] std::string_view Allow() const override { return "GET, POST, OPTIONS"; }
  [[nodiscard]] std::string_view AcceptPost() const override { return "text/plain"; }
  [[nodiscard]] std::optional<http::Response> Handle(std::unique_ptr<http::Exchange>& exchange) override {
    if (act) act(exchange);
    if (!exchange) return std::nullopt;
    http::Response response;
    response.content = name_;
    return response;
  }
  [[nodiscard]] bool HasBigResponse(const http::Request&) const noexcept override { return has_big_response; }
  std::function<void(std::unique_ptr<http::Exchange>&)> act;
  bool has_big_response = false;

 private:
  const std::string name_;
};

class RouterTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RouterTest);
  CPPUNIT_TEST(FindsTheResourceOfAPath);
  CPPUNIT_TEST(RefusesOtherPathsAndMethods);
  CPPUNIT_TEST(AnswersOptionsItself);
  CPPUNIT_TEST(TurnsEveryFailureIntoItsAnswer);
  CPPUNIT_TEST(TellsWhenTheStoreBroke);
  CPPUNIT_TEST(LeavesATakenExchangeAlone);
  CPPUNIT_TEST(GivesARequestItsLaneByMethodPathAndMediaType);
  CPPUNIT_TEST(KnowsTheMediaTypesOfBulk);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    router_ = std::make_unique<Router>(renderer_);
    router_->AddStream("/messages", resources::Bulk::kMediaTypes, http::Lane::kBulk, bulk_);
    router_->Add("/messages", collection_);
    router_->Add("/messages/", item_);
    router_->AddStream("/upload/", {}, http::Lane::kUpload, upload_);
    router_->Add("/upload/", upload_);
    router_->Add("/", root_);
  }

  void FindsTheResourceOfAPath() {
    CPPUNIT_ASSERT_EQUAL(std::string("collection"), Ask("GET", "/messages").content);
    CPPUNIT_ASSERT_EQUAL(std::string("item"), Ask("GET", "/messages/").content);
    CPPUNIT_ASSERT_EQUAL(std::string("item"), Ask("GET", "/messages/a/b").content);
    CPPUNIT_ASSERT_EQUAL(std::string("root"), Ask("GET", "/").content);
  }

  void RefusesOtherPathsAndMethods() {
    for (const char* path : {"", "/messagesx", "/x", "//", "/message"}) {
      CPPUNIT_ASSERT_EQUAL(404, Ask("GET", path).status);
    }
    for (const char* method : {"PUT", "", "get", "GET, POST", "OPTION"}) {
      const http::Response response = Ask(method, "/messages");
      CPPUNIT_ASSERT_EQUAL(405, response.status);
      CPPUNIT_ASSERT_EQUAL(std::string("GET, POST, OPTIONS"), Header(response, "Allow"));
    }
  }

  void AnswersOptionsItself() {
    const http::Response response = Ask("OPTIONS", "/messages");
    CPPUNIT_ASSERT_EQUAL(204, response.status);
    CPPUNIT_ASSERT_EQUAL(std::string("GET, POST, OPTIONS"), Header(response, "Allow"));
    CPPUNIT_ASSERT_EQUAL(std::string("text/plain"), Header(response, "Accept-Post"));
  }

  void TurnsEveryFailureIntoItsAnswer() {
    struct Case {
      std::function<void()> fail;
      int status;
      const char* slug;
    };
    const std::vector<Case> cases = {
        {[] {
           throw http::HttpError({418, "teapot", "Teapot", "Short and stout.", {}});
         },
         418, "teapot"},
        {[] { throw http::BodyIncomplete(); }, 400, "body-incomplete"},
        {[] { throw store::StoreFull("full"); }, 507, "store-full"},
        {[] { throw store::StoreUnavailable("away"); }, 503, "store-unavailable"},
        {[] { throw store::RecordDamaged("damaged"); }, 500, "record-damaged"},
        {[] { throw store::StoreBroken("broken"); }, 500, "internal-error"},
        {[] { throw std::runtime_error("surprise"); }, 500, "internal-error"},
        {[] { throw 5; }, 500, "internal-error"},
    };
    for (const Case& expected : cases) {
      root_.act = [&](auto&) { expected.fail(); };
      const http::Response response = Ask("GET", "/");
      CPPUNIT_ASSERT_EQUAL(expected.status, response.status);
      CPPUNIT_ASSERT_EQUAL(std::string("application/problem+json"), Header(response, "Content-Type"));
      CPPUNIT_ASSERT(response.content.find(std::string("/problems/") + expected.slug + "\"") !=
                     std::string::npos);
      CPPUNIT_ASSERT_EQUAL(expected.status == 503 ? std::string("5") : std::string(),
                           Header(response, "Retry-After"));
    }
  }

  void TellsWhenTheStoreBroke() {
    root_.act = [](auto&) { throw store::StoreBroken("a sync failed"); };
    (void)Ask("GET", "/");
    CPPUNIT_ASSERT(std::vector<std::string>{"a sync failed"} == broken_);
  }

  void LeavesATakenExchangeAlone() {
    std::unique_ptr<http::Exchange> taken;
    root_.act = [&](std::unique_ptr<http::Exchange>& exchange) { taken = std::move(exchange); };
    std::optional<http::Response> answer;
    Handle(std::make_unique<http::TestExchange>("GET", "/", "", answer));
    CPPUNIT_ASSERT(!answer.has_value());
    root_.act = [&](std::unique_ptr<http::Exchange>& exchange) {
      taken = std::move(exchange);
      throw std::runtime_error("after it was taken");
    };
    Handle(std::make_unique<http::TestExchange>("GET", "/", "", answer));
    CPPUNIT_ASSERT(!answer.has_value());
  }

  void GivesARequestItsLaneByMethodPathAndMediaType() {
    using http::Lane;
    constexpr std::uint64_t kSmall = http::kInlineBytes;
    struct Case {
      const char* method;
      const char* path;
      const char* type;
      std::optional<std::uint64_t> length;
      bool has_come;
      Lane lane;
    };
    const std::vector<Case> cases = {
        {"GET", "/", "", std::nullopt, true, Lane::kIoThread},
        {"GET", "/", "", std::nullopt, false, Lane::kBigRequest},
        {"GET", "/messages/big", "", std::nullopt, true, Lane::kBigResponse},
        {"GET", "/messages/big", "", 1, false, Lane::kBigRequest},
        {"POST", "/messages", "text/plain", kSmall, true, Lane::kIoThread},
        {"POST", "/messages", "text/plain", kSmall + 1, true, Lane::kBigRequest},
        {"POST", "/messages", "text/plain", 1, false, Lane::kBigRequest},
        {"POST", "/messages", "text/plain", std::nullopt, true, Lane::kBigRequest},
        {"POST", "/messages", "application/jsonl", 1, true, Lane::kBulk},
        {"GET", "/messages", "application/jsonl", 1, true, Lane::kIoThread},
        {"POST", "/messages/a", "application/jsonl", 1, true, Lane::kIoThread},
        {"POST", "/upload/a", "", 1, true, Lane::kUpload},
        {"POST", "/upload/a", "application/jsonl", 1, false, Lane::kUpload},
        {"PUT", "/upload/a", "", 1, true, Lane::kIoThread},
        {"POST", "/upload", "", 1, true, Lane::kIoThread},
    };
    for (const Case& expected : cases) {
      const std::string name = std::string(expected.method) + " " + expected.path + " " + expected.type;
      http::Request request = Request(expected.method, expected.path, expected.type);
      request.content_length = expected.length;
      item_.has_big_response = std::string_view(expected.path).ends_with("big");
      CPPUNIT_ASSERT_MESSAGE(name, router_->Find(request, expected.has_come).lane == expected.lane);
    }
  }

  void KnowsTheMediaTypesOfBulk() {
    const auto is_bulk = [&](std::string_view type) {
      return router_->Find(Request("POST", "/messages", type), true).lane == http::Lane::kBulk;
    };
    for (const char* type :
         {"application/x-ndjson", "Application/X-NDJSON", "application/x-ndjson;charset=utf-8",
          "application/x-ndjson ; charset=utf-8", "application/ndjson", "Application/NDJSON; charset=utf8",
          "application/jsonl", "application/JSONL;a=b"}) {
      CPPUNIT_ASSERT_MESSAGE(type, is_bulk(type));
    }
    for (const char* type :
         {"", "application/json", "application/x-ndjsonx", "application/x-ndjso", "application/json-l",
          "application/jsonlines", "application/ndjson, application/json", "application/x-jsonl"}) {
      CPPUNIT_ASSERT_MESSAGE(type, !is_bulk(type));
    }
  }

 private:
  static http::Request Request(std::string_view method, std::string_view path, std::string_view type) {
    http::Request request;
    request.method = method;
    request.path = path;
    if (!type.empty()) request.fields.Add("CONTENT_TYPE", type);
    return request;
  }
  void Handle(std::unique_ptr<http::Exchange> exchange) {
    const http::Handler& handler = *router_->Find(exchange->request(), true).handler;
    handler.Handle(std::move(exchange));
  }
  http::Response Ask(const std::string& method, const std::string& path) {
    std::optional<http::Response> answer;
    Handle(std::make_unique<http::TestExchange>(method, path, "", answer));
    CPPUNIT_ASSERT(answer.has_value());
    return std::move(*answer);
  }

  std::vector<std::string> broken_;
  resources::ProblemRenderer renderer_{[this](const std::string& reason) { broken_.push_back(reason); }};
  Scripted collection_{"collection"};
  Scripted item_{"item"};
  Scripted root_{"root"};
  Scripted bulk_{"bulk"};
  Scripted upload_{"upload"};
  std::unique_ptr<Router> router_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(RouterTest);

}  // namespace
}  // namespace hashpost
