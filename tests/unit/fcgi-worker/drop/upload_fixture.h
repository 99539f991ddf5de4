// Uploads to a drop with a folder of its own, for the tests of both.

#pragma once

#include <cppunit/extensions/HelperMacros.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "fcgi-worker/drop/upload.h"
#include "fcgi-worker/router.h"
#include "lib/fernet/key_file.h"
#include "lib/fernet/seal.h"
#include "lib/log/log.h"
#include "tests/unit/fcgi-worker/test_exchange.h"
#include "tests/unit/lib/json/memory_streams.h"
#include "tests/unit/temp_folder.h"

namespace hashpost::drop {

class UploadFixture : public CppUnit::TestFixture {
 public:
  void setUp() override {
    log::SetLevel(static_cast<log::Level>(4));  // these tests provoke what is logged
    std::filesystem::create_directory(Output());
    Open();
  }
  void tearDown() override { log::SetLevel(log::Level::kInfo); }

 protected:
  static constexpr std::uint64_t kTime = 1'700'000'000;
  using Change = std::function<void(http::TestExchange&)>;
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
    upload_ =
        std::make_unique<UploadResource>(std::make_unique<FileReceiver>(options_), UploadResource::Failed());
  }

  static std::string SealWith(const fernet::Key& key, const std::string& content, std::uint64_t time) {
    io::MemorySink token;
    fernet::Stamp stamp = fernet::Stamp::Now();
    stamp.time = time;
    fernet::Sealer sealer(key, token, stamp);
    sealer.Write(content);
    sealer.Finish();
    return token.text;
  }
  [[nodiscard]] std::string Seal(const std::string& content, std::uint64_t time) const {
    return SealWith(fernet::LoadKeyFile(KeyFile()).keys.Sealing(), content, time);
  }

  http::Response Post(
      const std::string& name, const std::string& token, const Change& change = [](http::TestExchange&) {},
      std::string_view end = kEnd) {
    return Ask("POST", name,
               "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.xml.enc\"\r\n\r\n" +
                   token + std::string(end),
               change);
  }

  http::Response Ask(const std::string& method, const std::string& name, const std::string& body,
                     const Change& change) {
    Router router(renderer_);
    router.Add(std::string(UploadResource::kPath), *upload_);
    std::optional<http::Response> answer;
    auto exchange = std::make_unique<http::TestExchange>(method, "/upload/" + name, body, answer);
    exchange->AddField("CONTENT_TYPE", "multipart/form-data; boundary=B");
    change(*exchange);
    const http::Handler& handler = *router.Find(exchange->request(), true).handler;
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
  ReceiverOptions options_;
  std::uint64_t time_ = kTime;
  resources::ProblemRenderer renderer_{[](const std::string&) {}};
  std::unique_ptr<UploadResource> upload_;
};

}  // namespace hashpost::drop
