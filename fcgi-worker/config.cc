#include "fcgi-worker/config.h"

#include <algorithm>

#include "fcgi-worker/resources/message_json.h"

namespace hashpost {

Config ReadConfig(const Environment& environment) {
  Config config;
  ReadSettings(environment, config);
  if (!config.messages_redis_host.empty()) {
    throw ConfigError(
        "MESSAGES_REDIS_HOST is set, but this version keeps messages in LMDB only: unset it, and point "
        "HASHPOST_DATA at a local folder.");
  }
  if (config.output_dir != "none" && !config.output_dir.starts_with('/')) {
    SettingsReader::Refuse("OUTPUT_DIR", config.output_dir,
                           "a folder by its whole path, such as /srv/incoming, or none");
  }
  const std::uint64_t largest =
      resources::JsonCost(resources::MaxJsonBytes(config.max_message_bytes), config.max_message_bytes);
  if (config.max_inflight_bytes < largest &&
      SettingsReader(environment).IsSet("HASHPOST_MAX_INFLIGHT_BYTES")) {
    SettingsReader::Refuse("HASHPOST_MAX_INFLIGHT_BYTES", environment("HASHPOST_MAX_INFLIGHT_BYTES"),
                           "at least " + std::to_string(largest) +
                               ", which the largest message (HASHPOST_MAX_MESSAGE_BYTES) needs");
  }
  config.max_inflight_bytes = std::max(config.max_inflight_bytes, largest);
  return config;
}

std::string Describe(const Config& config) {
  return DescribeSettings(config);
}

}  // namespace hashpost
