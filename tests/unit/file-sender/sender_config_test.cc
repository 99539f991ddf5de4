#include <cppunit/extensions/HelperMacros.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "file-sender/config.h"

namespace hashpost::sender {
namespace {

using Variables = std::map<std::string, std::string>;

Config Read(Variables variables) {
  variables.insert({{"INPUT_DIR", "/in"}, {"STATUS_DB_PATH", "/state"}});
  return ReadConfig([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

class SenderConfigTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SenderConfigTest);
  CPPUNIT_TEST(HasTheDefaultsThatDeploymentsExpect);
  CPPUNIT_TEST(MakesTheUrlOfTheReceiver);
  CPPUNIT_TEST(RefusesByName);
  CPPUNIT_TEST(NeverShowsAPasswordOfTheProxy);
  CPPUNIT_TEST_SUITE_END();

 public:
  void HasTheDefaultsThatDeploymentsExpect() {
    const Config config = Read({});
    CPPUNIT_ASSERT_EQUAL(std::string("/run/secrets/encryption_key"), config.encryption_key);
    CPPUNIT_ASSERT_EQUAL(std::string("http://127.0.0.1:8080/upload"), config.receiver.url);
    CPPUNIT_ASSERT(config.scan_interval == std::chrono::seconds(10));
    CPPUNIT_ASSERT_EQUAL(std::size_t{4}, config.sender_parallel);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{64}, config.sender_max_growth);
    CPPUNIT_ASSERT_EQUAL(std::string(), config.receiver.proxy);
    CPPUNIT_ASSERT(config.receiver.connect_time == std::chrono::seconds(10));
    CPPUNIT_ASSERT(config.receiver.silent_time == std::chrono::seconds(60));
    CPPUNIT_ASSERT(Read({{"LOG_LEVEL", "WARNING"}}).log_level == log::Level::kWarning);
  }

  void MakesTheUrlOfTheReceiver() {
    const std::vector<std::pair<Variables, std::string>> cases = {
        {{{"RECEIVER_SCHEME", "https"}, {"RECEIVER_ADDRESS", "drop.example"}, {"RECEIVER_PORT", "5000"}},
         "https://drop.example:5000/upload"},
        {{{"RECEIVER_ADDRESS", "::1"}}, "http://[::1]:8080/upload"},
        {{{"RECEIVER_ADDRESS", "fe80::1%eth0"}}, "http://[fe80::1%25eth0]:8080/upload"},
        {{{"RECEIVER_URI", "/"}}, "http://127.0.0.1:8080"},
        {{{"RECEIVER_URI", "/a/b/"}}, "http://127.0.0.1:8080/a/b"}};
    for (const auto& [variables, url] : cases) CPPUNIT_ASSERT_EQUAL(url, Read(variables).receiver.url);
    CPPUNIT_ASSERT_EQUAL(std::string("/x"), Read({{"INPUT_DIR", "/x//"}}).input_dir);
  }

  void RefusesByName() {
    const std::vector<std::pair<std::string, std::string>> cases = {{"INPUT_DIR", ""},
                                                                    {"STATUS_DB_PATH", ""},
                                                                    {"SCAN_INTERVAL", "0"},
                                                                    {"SCAN_INTERVAL", "1.5"},
                                                                    {"SENDER_PARALLEL", "0"},
                                                                    {"SENDER_MAX_GROWTH", "1000001"},
                                                                    {"RECEIVER_PORT", "70000"},
                                                                    {"RECEIVER_SCHEME", "ftp"},
                                                                    {"RECEIVER_ADDRESS", "a/b"},
                                                                    {"RECEIVER_ADDRESS", "host:8080"},
                                                                    {"RECEIVER_ADDRESS", "a%41"},
                                                                    {"RECEIVER_URI", "x"},
                                                                    {"LOG_LEVEL", "x"},
                                                                    {"RECEIVER_CERT", "/c"},
                                                                    {"RECEIVER_PROXY", "p:1"},
                                                                    {"RECEIVER_CONNECT_SECONDS", "0"},
                                                                    {"RECEIVER_SILENT_SECONDS", "x"}};
    for (const auto& [name, value] : cases) {
      try {
        (void)Read({{name, value}});
        CPPUNIT_FAIL(name + " was taken");
      } catch (const ConfigError& error) {
        CPPUNIT_ASSERT(std::string(error.what()).find(name) != std::string::npos);
      }
    }
  }

  void NeverShowsAPasswordOfTheProxy() {
    for (const std::string good : {"http://proxy:3128", "http://[::1]:3128", "http://u:s3cret@proxy:3128",
                                   "http://u:s3cret:%40@10.0.0.1:8"}) {
      const Config config = Read({{"RECEIVER_PROXY", good}});
      CPPUNIT_ASSERT_EQUAL(good, config.receiver.proxy);
      CPPUNIT_ASSERT(Describe(config).find("s3cret") == std::string::npos);
      CPPUNIT_ASSERT(Describe(config).find(good.substr(good.rfind(':'))) != std::string::npos);
    }
    for (const std::string bad :
         {"http://", "http://:1", "http://u:s3cret@@proxy:1", "http://p:99999", "http://[p:1",
          "http://u:s3cret@", "http://u:s3cret@:1", "http://u:s3cret", "https://u:s3cret@proxy:1",
          "http://u:s3cret@pr/oxy:1", "http://p:1/s3cret"}) {
      try {
        (void)Read({{"RECEIVER_PROXY", bad}});
        CPPUNIT_FAIL(bad + " was taken");
      } catch (const ConfigError& error) {
        CPPUNIT_ASSERT(std::string(error.what()).find("s3cret") == std::string::npos);
      }
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SenderConfigTest);

}  // namespace
}  // namespace hashpost::sender
