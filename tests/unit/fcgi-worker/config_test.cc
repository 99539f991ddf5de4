#include "fcgi-worker/config.h"

#include <cppunit/extensions/HelperMacros.h>

#include <map>
#include <string>
#include <vector>

namespace hashpost {
namespace {

using Variables = std::map<std::string, std::string>;

Config Read(Variables variables) {
  variables.insert({{"HASHPOST_HOME", "/run/hashpost"}, {"HASHPOST_DATA", "/var/lib/hashpost"}});
  return ReadConfig([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

class ConfigTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ConfigTest);
  CPPUNIT_TEST(HasDefaults);
  CPPUNIT_TEST(ReadsEverySetting);
  CPPUNIT_TEST(RefusesWithTheNameTheValueAndWhatIsAllowed);
  CPPUNIT_TEST(RefusesAStoreThatItDoesNotHave);
  CPPUNIT_TEST(MakesRoomInMemoryForTheLargestMessage);
  CPPUNIT_TEST(DescribesWhatIsInForce);
  CPPUNIT_TEST_SUITE_END();

 public:
  void HasDefaults() {
    const Config config = Read({});
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, config.threads);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1} << 20U, config.max_message_bytes);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{64} << 30U, config.max_store_bytes);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{64} << 20U, config.max_inflight_bytes);
    CPPUNIT_ASSERT_EQUAL(std::string("/var/lib/hashpost/drop/output"), config.output_dir);
    CPPUNIT_ASSERT_EQUAL(std::string("none"), Read({{"OUTPUT_DIR", "none"}}).output_dir);
    CPPUNIT_ASSERT_EQUAL(std::string("/var/lib/hashpost/drop/decryption_key"), config.decryption_key);
    CPPUNIT_ASSERT(config.hang_seconds == std::chrono::seconds(30));
    CPPUNIT_ASSERT(config.log_level == log::Level::kInfo);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, Read({{"HASHPOST_THREADS", ""}}).threads);  // empty is unset
  }

  void ReadsEverySetting() {
    const Config config = Read({{"HASHPOST_THREADS", "4"},
                                {"HASHPOST_BLOCKING_THREADS", "3"},
                                {"HASHPOST_BULK_UPLOADS", "9"},
                                {"HASHPOST_BULK_BATCH_LINES", "99"},
                                {"HASHPOST_MAX_BULK_BYTES", "5G"},
                                {"HASHPOST_MAX_MESSAGE_BYTES", "2M"},
                                {"HASHPOST_MAX_STORE_BYTES", "1T"},
                                {"HASHPOST_MAX_INFLIGHT_BYTES", "512M"},
                                {"OUTPUT_DIR", "/srv/in"},
                                {"DECRYPTION_KEY", "/etc/key"},
                                {"HASHPOST_FILE_UPLOADS", "7"},
                                {"HASHPOST_MAX_FILE_BYTES", "6G"},
                                {"HASHPOST_FILE_MODE", "664"},
                                {"HASHPOST_FILE_GROUP", "consumers"},
                                {"HASHPOST_TOKEN_MAX_AGE", "3600"},
                                {"HASHPOST_GZIP", "yes"},
                                {"HASHPOST_HANG_SECONDS", "5"},
                                {"HASHPOST_DRAIN_SECONDS", "7"},
                                {"LOG_LEVEL", "DEBUG"}});
    CPPUNIT_ASSERT_EQUAL(std::string("/run/hashpost"), config.home);
    CPPUNIT_ASSERT_EQUAL(std::string("/var/lib/hashpost"), config.data);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, config.threads);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, config.blocking_threads);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{9}, config.bulk_uploads);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{99}, config.bulk_batch_lines);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{5} << 30U, config.max_bulk_bytes);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2} << 20U, config.max_message_bytes);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1} << 40U, config.max_store_bytes);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{512} << 20U, config.max_inflight_bytes);
    CPPUNIT_ASSERT_EQUAL(std::string("/srv/in"), config.output_dir);
    CPPUNIT_ASSERT_EQUAL(std::string("/etc/key"), config.decryption_key);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{7}, config.file_uploads);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{6} << 30U, config.max_file_bytes);
    CPPUNIT_ASSERT_EQUAL(0664U, config.file_mode);
    CPPUNIT_ASSERT_EQUAL(std::string("consumers"), config.file_group);
    CPPUNIT_ASSERT(config.token_max_age == std::chrono::hours(1));
    CPPUNIT_ASSERT(config.gzip);
    CPPUNIT_ASSERT(config.hang_seconds == std::chrono::seconds(5));
    CPPUNIT_ASSERT(config.drain_seconds == std::chrono::seconds(7));
    CPPUNIT_ASSERT(config.log_level == log::Level::kDebug);
  }

  void RefusesWithTheNameTheValueAndWhatIsAllowed() {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"HASHPOST_THREADS", "0"},
        {"HASHPOST_THREADS", "65"},
        {"HASHPOST_THREADS", "two"},
        {"HASHPOST_THREADS", "2K"},
        {"HASHPOST_THREADS", " 2"},
        {"HASHPOST_THREADS", "-1"},
        {"HASHPOST_BLOCKING_THREADS", "0"},
        {"HASHPOST_BULK_UPLOADS", "0"},
        {"HASHPOST_BULK_BATCH_LINES", "16385"},
        {"HASHPOST_MAX_BULK_BYTES", "17T"},
        {"HASHPOST_GZIP", "on"},
        {"OUTPUT_DIR", "incoming"},
        {"HASHPOST_FILE_UPLOADS", "0"},
        {"HASHPOST_MAX_FILE_BYTES", "17T"},
        {"HASHPOST_FILE_MODE", "0750"},
        {"HASHPOST_FILE_MODE", "0440"},
        {"HASHPOST_FILE_MODE", "4640"},
        {"HASHPOST_FILE_MODE", "00640"},
        {"HASHPOST_FILE_MODE", "64"},
        {"HASHPOST_FILE_MODE", "u=rw"},
        {"HASHPOST_TOKEN_MAX_AGE", "1h"},
        {"HASHPOST_TOKEN_MAX_AGE", "3162240001"},
        {"HASHPOST_MAX_MESSAGE_BYTES", "0"},
        {"HASHPOST_MAX_MESSAGE_BYTES", "65M"},
        {"HASHPOST_MAX_MESSAGE_BYTES", "1m"},
        {"HASHPOST_MAX_MESSAGE_BYTES", "1MB"},
        {"HASHPOST_MAX_STORE_BYTES", "1023K"},
        {"HASHPOST_MAX_STORE_BYTES", "99999999999999999999"},
        {"HASHPOST_MAX_STORE_BYTES", "18446744073709551615T"},
        {"HASHPOST_MAX_STORE_BYTES", "16777217T"},  // 2^64 bytes and 1T
        {"HASHPOST_MAX_INFLIGHT_BYTES", "1M"},
        {"HASHPOST_HANG_SECONDS", "0"},
        {"HASHPOST_DRAIN_SECONDS", "1.5"},
        {"LOG_LEVEL", "loud"},
    };
    for (const auto& [name, value] : cases) {
      try {
        (void)Read({{name, value}});
        CPPUNIT_FAIL(name + "=" + value + " was taken");
      } catch (const ConfigError& error) {
        const std::string sentence = error.what();
        CPPUNIT_ASSERT_MESSAGE(sentence, sentence.starts_with(name + " is \"" + value + "\", but must be "));
        CPPUNIT_ASSERT_MESSAGE(sentence, sentence.find('\n') == std::string::npos && sentence.ends_with('.'));
      }
    }
    CPPUNIT_ASSERT_THROW(Read({{"HASHPOST_HOME", ""}}), ConfigError);
    CPPUNIT_ASSERT_THROW(Read({{"HASHPOST_DATA", ""}}), ConfigError);
  }

  void RefusesAStoreThatItDoesNotHave() {
    try {
      (void)Read({{"MESSAGES_REDIS_HOST", "redis:6379"}});
      CPPUNIT_FAIL("was taken");
    } catch (const ConfigError& error) {
      CPPUNIT_ASSERT(std::string(error.what()).starts_with("MESSAGES_REDIS_HOST is set"));
    }
  }

  void MakesRoomInMemoryForTheLargestMessage() {
    const Config config = Read({{"HASHPOST_MAX_MESSAGE_BYTES", "64M"}});
    CPPUNIT_ASSERT(config.max_inflight_bytes >= std::uint64_t{6} * config.max_message_bytes);
  }

  void DescribesWhatIsInForce() {
    const std::string text = Describe(Read({{"HASHPOST_MAX_MESSAGE_BYTES", "2M"}, {"LOG_LEVEL", "DEBUG"}}));
    CPPUNIT_ASSERT(text.find("HASHPOST_MAX_MESSAGE_BYTES=2097152\n") != std::string::npos);
    CPPUNIT_ASSERT(text.find("LOG_LEVEL=debug\n") != std::string::npos);
    CPPUNIT_ASSERT(text.find("HASHPOST_FILE_MODE=0640\n") != std::string::npos);
    CPPUNIT_ASSERT(text.find("HASHPOST_DATA=/var/lib/hashpost\n") != std::string::npos);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ConfigTest);

}  // namespace
}  // namespace hashpost
