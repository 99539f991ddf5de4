#include "file-sender/config.h"

#include <algorithm>
#include <string_view>

#include "file-sender/upload_options.h"

namespace hashpost::sender {
namespace {

bool HasOnly(std::string_view text, std::string_view signs) {
  return std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           signs.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

// The value, which may have a password in it, is never shown.
void CheckProxy(const std::string& proxy) {
  constexpr std::string_view kScheme = "http://";
  const std::size_t host = std::max(proxy.rfind('@') + 1, kScheme.size());  // (npos + 1 is 0)
  const std::size_t colon = proxy.rfind(':');
  const bool has_port = colon != std::string::npos && colon > host && colon + 1 < proxy.size() &&
                        std::all_of(proxy.begin() + static_cast<std::ptrdiff_t>(colon) + 1, proxy.end(),
                                    [](unsigned char c) { return c >= '0' && c <= '9'; });
  if (!proxy.empty() &&
      (!proxy.starts_with(kScheme) || !has_port || !HasOnly(proxy.substr(host), ".-_:[]") || !IsUrl(proxy))) {
    throw ConfigError(
        "RECEIVER_PROXY must be the address of an HTTP proxy: http://host:port, or "
        "http://user:password@host:port, with %40 for @ in a password and the like (percent-encoding).");
  }
}

// Without user and password.
std::string WithoutPassword(const std::string& proxy) {
  const std::size_t at = proxy.rfind('@');
  return at == std::string::npos ? proxy : "http://...@" + proxy.substr(at + 1);
}

Receiver MakeReceiver(const SenderSettings& settings) {
  const std::string& address = settings.receiver_address;
  const bool is_ipv6 = address.find(':') != std::string::npos;
  std::string host = address;
  if (is_ipv6) {  // RFC 3986 §3.2.2; with a zone, such as fe80::1%eth0, RFC 6874
    if (const std::size_t zone = host.find('%'); zone != std::string::npos) host.insert(zone + 1, "25");
    host = "[" + host + "]";
  }
  if (!HasOnly(address, is_ipv6 ? ".-_:%" : ".-_") || !IsUrl("http://" + host + "/")) {
    SettingsReader::Refuse("RECEIVER_ADDRESS", address,
                           "a host name or an IP address without a port, such as 127.0.0.1 or ::1");
  }
  std::string path = settings.receiver_uri;
  if (path.front() != '/' || !HasOnly(path, "/._~-%!$&'()*+,;=:@")) {
    SettingsReader::Refuse("RECEIVER_URI", path, "a path as it stands in a URL, such as /upload");
  }
  while (!path.empty() && path.back() == '/') path.pop_back();
  CheckProxy(settings.receiver_proxy);
  if (settings.receiver_cert.empty() != settings.receiver_key.empty()) {
    throw ConfigError("RECEIVER_CERT and RECEIVER_KEY belong together: set both or neither.");
  }
  const std::string authority = host + ":" + std::to_string(settings.receiver_port);
  return {.url = settings.receiver_scheme + "://" + authority + path,
          .tls = settings.receiver_scheme == "https",
          .authority = authority,
          .ca_file = settings.receiver_ca_file,
          .certificate = settings.receiver_cert,
          .certificate_key = settings.receiver_key,
          .proxy = settings.receiver_proxy,
          .connect_time = settings.receiver_connect_seconds,
          .silent_time = settings.receiver_silent_seconds};
}

}  // namespace

Config ReadConfig(const Environment& environment) {
  Config config;
  ReadSettings(environment, static_cast<SenderSettings&>(config));
  config.receiver = MakeReceiver(config);
  std::string& folder = config.input_dir;
  while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
  if (folder.empty())
    throw ConfigError("INPUT_DIR is not set: it is the folder whose *.json files are sent.");
  return config;
}

std::string Describe(const Config& config) {
  Config shown = config;
  shown.receiver_proxy = WithoutPassword(config.receiver_proxy);
  return DescribeSettings(shown) + "RECEIVER=" + config.receiver.url + "\n";
}

}  // namespace hashpost::sender
