#include "fcgi-worker/config.h"

#include <algorithm>
#include <sstream>
#include <string_view>

#include "fcgi-worker/resources/message_json.h"

namespace hashpost {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = kKiB * 1024;
constexpr std::uint64_t kGiB = kMiB * 1024;
constexpr std::uint64_t kTiB = kGiB * 1024;

// Bounds of all settings that are seconds.
constexpr SettingsReader::Range kSeconds{1, 3600};

// What is received is data: nobody may execute it, and its owner can write it.
mode_t ReadFileMode(const SettingsReader& reader) {
  const std::string text = reader.Text("HASHPOST_FILE_MODE", "0640");
  const std::string_view digits =
      std::string_view(text).substr(text.size() == 4 && text.front() == '0' ? 1 : 0);
  const bool is_mode = digits.size() == 3 && digits.front() == '6' &&
                       digits.find_first_not_of("046") == std::string_view::npos;
  if (!is_mode)
    SettingsReader::Refuse("HASHPOST_FILE_MODE", text, "0600, 0640, 0660, 0644 or the like, in octal");
  return static_cast<mode_t>(std::stoul(text, nullptr, 8));
}

std::string Octal(mode_t mode) {
  std::ostringstream text;
  text << '0' << std::oct << mode;
  return text.str();
}

void ReadDrop(const SettingsReader& reader, Config& config) {
  constexpr std::uint64_t kCentury = 100ULL * 366 * 24 * 3600;
  config.output_dir = reader.Text("OUTPUT_DIR", (config.data + "/drop/output").c_str());
  if (config.output_dir == "none") {
    config.output_dir.clear();
  } else if (config.output_dir.front() != '/') {
    SettingsReader::Refuse("OUTPUT_DIR", config.output_dir,
                           "a folder by its whole path, such as /srv/incoming, or none");
  }
  config.decryption_key = reader.Text("DECRYPTION_KEY", (config.data + "/drop/decryption_key").c_str());
  config.file_uploads = reader.Number("HASHPOST_FILE_UPLOADS", 4, {1, 64});
  config.max_file_bytes = reader.Bytes("HASHPOST_MAX_FILE_BYTES", 0, {0, 16 * kTiB});
  config.file_mode = ReadFileMode(reader);
  config.file_group = reader.Text("HASHPOST_FILE_GROUP", "");
  config.token_max_age = std::chrono::seconds(reader.Number("HASHPOST_TOKEN_MAX_AGE", 0, {0, kCentury}));
}

}  // namespace

Config ReadConfig(const Environment& environment) {
  const SettingsReader reader(environment);
  if (!reader.Text("MESSAGES_REDIS_HOST", "").empty()) {
    throw ConfigError(
        "MESSAGES_REDIS_HOST is set, but this version keeps messages in LMDB only: unset it, and point "
        "HASHPOST_DATA at a local folder.");
  }
  Config config{};
  config.home = reader.Required("HASHPOST_HOME", "the runtime folder, such as /run/hashpost");
  config.data = reader.Required("HASHPOST_DATA", "the folder of the store, such as /var/lib/hashpost");
  config.threads = reader.Number("HASHPOST_THREADS", 2, {1, 64});
  config.blocking_threads = reader.Number("HASHPOST_BLOCKING_THREADS", 8, {1, 256});
  config.bulk_uploads = reader.Number("HASHPOST_BULK_UPLOADS", 4, {1, 64});
  config.bulk_batch_lines = reader.Number("HASHPOST_BULK_BATCH_LINES", 1024, {1, 16384});
  config.max_bulk_bytes = reader.Bytes("HASHPOST_MAX_BULK_BYTES", 0, {0, 16 * kTiB});
  config.max_message_bytes = reader.Bytes("HASHPOST_MAX_MESSAGE_BYTES", kMiB, {1, 64 * kMiB});
  config.max_store_bytes = reader.Bytes("HASHPOST_MAX_STORE_BYTES", 64 * kGiB, {kMiB, 16 * kTiB});
  const std::uint64_t largest =
      resources::JsonCost(resources::MaxJsonBytes(config.max_message_bytes), config.max_message_bytes);
  config.max_inflight_bytes =
      reader.Bytes("HASHPOST_MAX_INFLIGHT_BYTES", std::max(64 * kMiB, largest), {largest, 1024 * kGiB});
  const std::string gzip = reader.Text("HASHPOST_GZIP", "no");
  if (gzip != "yes" && gzip != "no") SettingsReader::Refuse("HASHPOST_GZIP", gzip, "yes or no");
  config.gzip = gzip == "yes";
  ReadDrop(reader, config);
  config.hang_limit = reader.Seconds("HASHPOST_HANG_SECONDS", 30, kSeconds);
  config.drain_limit = reader.Seconds("HASHPOST_DRAIN_SECONDS", 30, kSeconds);
  config.log_level = reader.LogLevel();
  return config;
}

std::string Describe(const Config& config) {
  std::string text;
  const auto add = [&](std::string_view name, const std::string& value) {
    text.append(name).append("=").append(value).append("\n");
  };
  add("HASHPOST_HOME", config.home);
  add("HASHPOST_DATA", config.data);
  add("HASHPOST_THREADS", std::to_string(config.threads));
  add("HASHPOST_BLOCKING_THREADS", std::to_string(config.blocking_threads));
  add("HASHPOST_BULK_UPLOADS", std::to_string(config.bulk_uploads));
  add("HASHPOST_BULK_BATCH_LINES", std::to_string(config.bulk_batch_lines));
  add("HASHPOST_MAX_BULK_BYTES", std::to_string(config.max_bulk_bytes));
  add("HASHPOST_MAX_MESSAGE_BYTES", std::to_string(config.max_message_bytes));
  add("HASHPOST_MAX_STORE_BYTES", std::to_string(config.max_store_bytes));
  add("HASHPOST_MAX_INFLIGHT_BYTES", std::to_string(config.max_inflight_bytes));
  add("OUTPUT_DIR", config.output_dir.empty() ? "none" : config.output_dir);
  add("DECRYPTION_KEY", config.decryption_key);
  add("HASHPOST_FILE_UPLOADS", std::to_string(config.file_uploads));
  add("HASHPOST_MAX_FILE_BYTES", std::to_string(config.max_file_bytes));
  add("HASHPOST_FILE_MODE", Octal(config.file_mode));
  add("HASHPOST_FILE_GROUP", config.file_group);
  add("HASHPOST_GZIP", config.gzip ? "yes" : "no");
  add("HASHPOST_TOKEN_MAX_AGE", std::to_string(config.token_max_age.count()));
  add("HASHPOST_HANG_SECONDS", std::to_string(config.hang_limit.count()));
  add("HASHPOST_DRAIN_SECONDS", std::to_string(config.drain_limit.count()));
  return text;
}

}  // namespace hashpost
