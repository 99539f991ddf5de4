#include "fcgi-worker/config.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string_view>

#include "fcgi-worker/resources/message_json.h"

namespace hashpost {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = kKiB * 1024;
constexpr std::uint64_t kGiB = kMiB * 1024;
constexpr std::uint64_t kTiB = kGiB * 1024;

[[noreturn]] void Refuse(const std::string& name, std::string_view value, const std::string& allowed) {
  throw ConfigError(name + " is \"" + std::string(value) + "\", but must be " + allowed + ".");
}

struct Range {
  std::uint64_t low;
  std::uint64_t high;
};

std::string Words(const Range& range) {
  return std::to_string(range.low) + " to " + std::to_string(range.high);
}

// The factor of a suffix K, M, G or T; 0 for any other text.
std::uint64_t Factor(std::string_view suffix) {
  if (suffix.empty()) return 1;
  if (suffix == "K") return kKiB;
  if (suffix == "M") return kMiB;
  if (suffix == "G") return kGiB;
  if (suffix == "T") return kTiB;
  return 0;
}

class Reader {
 public:
  explicit Reader(const Environment& environment) : environment_(environment) {}

  [[nodiscard]] std::string Text(const char* name, const char* fallback) const {
    const char* value = environment_(name);
    return value == nullptr || *value == '\0' ? fallback : value;
  }

  [[nodiscard]] std::uint64_t Number(const char* name, std::uint64_t fallback, const Range& range) const {
    return Parse(name, fallback, range, /*suffixes=*/false);
  }

  [[nodiscard]] std::uint64_t Bytes(const char* name, std::uint64_t fallback, const Range& range) const {
    return Parse(name, fallback, range, /*suffixes=*/true);
  }

 private:
  [[nodiscard]] std::uint64_t Parse(const char* name, std::uint64_t fallback, const Range& range,
                                    bool suffixes) const {
    const std::string text = Text(name, "");
    if (text.empty()) return fallback;
    const std::string allowed =
        suffixes ? "a number of bytes from " + Words(range) + ", or one with K, M, G or T behind it"
                 : "a whole number from " + Words(range);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
    const std::uint64_t factor = suffixes || suffix.empty() ? Factor(suffix) : 0;
    if (error != std::errc{} || factor == 0 || number > std::numeric_limits<std::uint64_t>::max() / factor) {
      Refuse(name, text, allowed);
    }
    number *= factor;
    if (number < range.low || number > range.high) Refuse(name, text, allowed);
    return number;
  }

  const Environment& environment_;
};

log::Level ReadLevel(const Reader& reader) {
  const std::string text = reader.Text("LOG_LEVEL", "info");
  const auto level = log::ParseLevel(text);
  if (!level) Refuse("LOG_LEVEL", text, "debug, info, warning or error");
  return *level;
}

std::chrono::seconds ReadSeconds(const Reader& reader, const char* name, std::uint64_t fallback) {
  constexpr Range kSeconds{1, 3600};
  return std::chrono::seconds(reader.Number(name, fallback, kSeconds));
}

void ReadDrop(const Reader& reader, Config& config) {
  constexpr std::uint64_t kCentury = 100ULL * 366 * 24 * 3600;
  config.output_dir = reader.Text("OUTPUT_DIR", "");
  if (!config.output_dir.empty() && config.output_dir.front() != '/') {
    Refuse("OUTPUT_DIR", config.output_dir, "a folder by its whole path, such as /srv/incoming");
  }
  config.decryption_key = reader.Text("DECRYPTION_KEY", (config.data + "/drop/decryption_key").c_str());
  config.file_uploads = reader.Number("HASHPOST_FILE_UPLOADS", 4, {1, 64});
  config.max_file_bytes = reader.Bytes("HASHPOST_MAX_FILE_BYTES", 0, {0, 16 * kTiB});
  config.token_max_age = std::chrono::seconds(reader.Number("HASHPOST_TOKEN_MAX_AGE", 0, {0, kCentury}));
}

}  // namespace

Config ReadConfig(const Environment& environment) {
  const Reader reader(environment);
  if (!reader.Text("MESSAGES_REDIS_HOST", "").empty()) {
    throw ConfigError(
        "MESSAGES_REDIS_HOST is set, but this version keeps messages in LMDB only: unset it, and point "
        "HASHPOST_DATA at a local folder.");
  }
  Config config{};
  config.home = reader.Text("HASHPOST_HOME", "");
  if (config.home.empty()) Refuse("HASHPOST_HOME", "", "the runtime folder, such as /run/hashpost");
  config.data = reader.Text("HASHPOST_DATA", "");
  if (config.data.empty()) Refuse("HASHPOST_DATA", "", "the folder of the store, such as /var/lib/hashpost");
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
  ReadDrop(reader, config);
  config.hang_limit = ReadSeconds(reader, "HASHPOST_HANG_SECONDS", 30);
  config.drain_limit = ReadSeconds(reader, "HASHPOST_DRAIN_SECONDS", 30);
  config.log_level = ReadLevel(reader);
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
  add("OUTPUT_DIR", config.output_dir);
  add("DECRYPTION_KEY", config.decryption_key);
  add("HASHPOST_FILE_UPLOADS", std::to_string(config.file_uploads));
  add("HASHPOST_MAX_FILE_BYTES", std::to_string(config.max_file_bytes));
  add("HASHPOST_TOKEN_MAX_AGE", std::to_string(config.token_max_age.count()));
  add("HASHPOST_HANG_SECONDS", std::to_string(config.hang_limit.count()));
  add("HASHPOST_DRAIN_SECONDS", std::to_string(config.drain_limit.count()));
  return text;
}

}  // namespace hashpost
