#include "file-sender/config.h"

#include <algorithm>
#include <string_view>

namespace hashpost::sender {
namespace {

bool HasOnly(std::string_view text, std::string_view signs) {
  return std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           signs.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

// The value, which may have a password in it, is never shown.
std::string ReadProxy(const SettingsReader& reader) {
  std::string proxy = reader.Text("RECEIVER_PROXY", "");
  constexpr std::string_view kScheme = "http://";
  const std::size_t host = std::max(proxy.rfind('@') + 1, kScheme.size());  // (npos + 1 is 0)
  const std::size_t colon = proxy.rfind(':');
  const bool has_port = colon != std::string::npos && colon > host && colon + 1 < proxy.size() &&
                        std::all_of(proxy.begin() + static_cast<std::ptrdiff_t>(colon) + 1, proxy.end(),
                                    [](unsigned char c) { return c >= '0' && c <= '9'; });
  if (!proxy.empty() &&
      (!proxy.starts_with(kScheme) || !has_port || !HasOnly(proxy.substr(host), ".-_:[]"))) {
    throw ConfigError(
        "RECEIVER_PROXY must be the address of an HTTP proxy: http://host:port, or "
        "http://user:password@host:port.");
  }
  return proxy;
}

// Without user and password.
std::string WithoutPassword(const std::string& proxy) {
  const std::size_t at = proxy.rfind('@');
  return at == std::string::npos ? proxy : "http://...@" + proxy.substr(at + 1);
}

Receiver ReadReceiver(const SettingsReader& reader) {
  const std::string scheme = reader.Text("RECEIVER_SCHEME", "http");
  if (scheme != "http" && scheme != "https")
    SettingsReader::Refuse("RECEIVER_SCHEME", scheme, "http or https");
  std::string address = reader.Text("RECEIVER_ADDRESS", "127.0.0.1");
  if (!HasOnly(address, ".-_:")) {
    SettingsReader::Refuse("RECEIVER_ADDRESS", address, "a host name or an IP address, such as 127.0.0.1");
  }
  if (address.find(':') != std::string::npos) address = "[" + address + "]";  // IPv6, RFC 3986 §3.2.2
  const std::uint64_t port = reader.Number("RECEIVER_PORT", 8080, {1, 65535});
  std::string path = reader.Text("RECEIVER_URI", "/upload");
  if (path.front() != '/' || !HasOnly(path, "/._~-%!$&'()*+,;=:@")) {
    SettingsReader::Refuse("RECEIVER_URI", path, "a path as it stands in a URL, such as /upload");
  }
  while (!path.empty() && path.back() == '/') path.pop_back();
  const std::string authority = address + ":" + std::to_string(port);
  Receiver receiver{.url = scheme + "://" + authority + path,
                    .tls = scheme == "https",
                    .authority = authority,
                    .ca_file = reader.Text("RECEIVER_CA_FILE", ""),
                    .certificate = reader.Text("RECEIVER_CERT", ""),
                    .certificate_key = reader.Text("RECEIVER_KEY", ""),
                    .proxy = ReadProxy(reader),
                    .connect_time = reader.Seconds("RECEIVER_CONNECT_SECONDS", 10, {1, 3600}),
                    .silent_time = reader.Seconds("RECEIVER_SILENT_SECONDS", 60, {1, 86400})};
  if (receiver.certificate.empty() != receiver.certificate_key.empty()) {
    throw ConfigError("RECEIVER_CERT and RECEIVER_KEY belong together: set both or neither.");
  }
  return receiver;
}

}  // namespace

Config ReadConfig(const Environment& environment) {
  const SettingsReader reader(environment);
  Config config{};
  config.input_folder = reader.Required("INPUT_DIR", "the folder whose *.json files are sent");
  config.state_folder =
      reader.Required("STATUS_DB_PATH", "the folder where the sender keeps what it has sent");
  config.key_file = reader.Text("ENCRYPTION_KEY", "/run/secrets/encryption_key");
  config.scan_interval = reader.Seconds("SCAN_INTERVAL", 10, {1, 86400});
  config.parallel = reader.Number("SENDER_PARALLEL", 4, {1, 64});
  config.max_growth = reader.Number("SENDER_MAX_GROWTH", 64, {0, 1'000'000});
  config.receiver = ReadReceiver(reader);
  config.log_level = reader.LogLevel();
  while (config.input_folder.size() > 1 && config.input_folder.back() == '/') config.input_folder.pop_back();
  return config;
}

std::string Describe(const Config& config) {
  std::string text;
  const auto add = [&](std::string_view name, const std::string& value) {
    text.append(name).append("=").append(value).append("\n");
  };
  add("INPUT_DIR", config.input_folder);
  add("STATUS_DB_PATH", config.state_folder);
  add("ENCRYPTION_KEY", config.key_file);
  add("SCAN_INTERVAL", std::to_string(config.scan_interval.count()));
  add("SENDER_PARALLEL", std::to_string(config.parallel));
  add("SENDER_MAX_GROWTH", std::to_string(config.max_growth));
  add("RECEIVER", config.receiver.url);
  add("RECEIVER_CA_FILE", config.receiver.ca_file);
  add("RECEIVER_CERT", config.receiver.certificate);
  add("RECEIVER_KEY", config.receiver.certificate_key);
  add("RECEIVER_PROXY", WithoutPassword(config.receiver.proxy));
  add("RECEIVER_CONNECT_SECONDS", std::to_string(config.receiver.connect_time.count()));
  add("RECEIVER_SILENT_SECONDS", std::to_string(config.receiver.silent_time.count()));
  return text;
}

}  // namespace hashpost::sender
