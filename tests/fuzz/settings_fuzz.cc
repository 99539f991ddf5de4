// Lets arbitrary bytes be the environment of both programs, one setting a line, each a letter that names it
// and its value: either everything is in its bounds, and what --check prints are settings that mean the same,
// or one sentence names the setting. Numbers are compared with a reading of their own. Corpus:
// corpus/settings_fuzz.

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fcgi-worker/config.h"
#include "file-sender/config.h"
#include "lib/config/settings_reader.h"
#include "tests/fuzz/require.h"

namespace {

using namespace hashpost;

// Of every setting of both programs. (Other lists of names would name other settings by the corpus' letters.)
const std::vector<std::string> kNames = [] {
  std::vector<std::string> names;
  const auto add = [&](const Setting& setting, const auto& /*value*/) { names.emplace_back(setting.name); };
  const WorkerSettings worker{};
  const sender::SenderSettings sender{};
  WorkerSettings::ForEach(worker, add);
  sender::SenderSettings::ForEach(sender, add);
  return names;
}();

using Settings = std::map<std::string, std::string, std::less<>>;

// (What needs a value has one unless the text says otherwise, so that the rest is looked at.)
Settings ReadSettings(std::string_view text) {
  Settings settings = {
      {"HASHPOST_HOME", "/h"}, {"HASHPOST_DATA", "/d"}, {"INPUT_DIR", "/i"}, {"STATUS_DB_PATH", "/s"}};
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (!line.empty()) {
      const std::size_t name = static_cast<unsigned char>(line.front() - 'A') % kNames.size();
      settings[kNames[name]] = line.substr(1, line.find('\0', 1) - 1);
    }
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return settings;
}

Settings ReadLines(const std::string& text) {
  Settings settings;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::size_t equals = text.find('=', at);
    Require(end != std::string::npos && equals < end);
    settings[text.substr(at, equals - at)] = text.substr(equals + 1, end - equals - 1);
    at = end + 1;
  }
  return settings;
}

// What `read` makes of `settings`; nullopt if it refuses them, in a sentence that names one.
template <typename Read>
auto Accept(const Settings& settings, Read read) -> std::optional<decltype(read(Environment()))> {
  const Environment environment = [&](const char* name) {
    const auto found = settings.find(name);
    return found == settings.end() ? nullptr : found->second.c_str();
  };
  try {
    return read(environment);
  } catch (const ConfigError& error) {
    const std::string sentence = error.what();
    Require(sentence.ends_with('.'));
    for (const std::string& name : kNames) {
      if (sentence.starts_with(name)) return std::nullopt;
    }
    Require(false);
    return std::nullopt;
  }
}

void CheckWorker(const Settings& settings) {
  const auto config =
      Accept(settings, [](const Environment& environment) { return ReadConfig(environment); });
  if (!config) return;
  Require(config->threads >= 1 && config->threads <= 64 && config->bulk_batch_lines <= 16384);
  Require(config->max_message_bytes >= 1 && config->max_inflight_bytes >= config->max_message_bytes);
  Require(config->output_dir == "none" || config->output_dir.front() == '/');
  const std::string described = Describe(*config);
  const auto again =
      Accept(ReadLines(described), [](const Environment& environment) { return ReadConfig(environment); });
  Require(again && Describe(*again) == described);
}

void CheckSender(const Settings& settings) {
  const auto config =
      Accept(settings, [](const Environment& environment) { return sender::ReadConfig(environment); });
  if (!config) return;
  Require(config->sender_parallel >= 1 && config->sender_parallel <= 64);
  const std::string& url = config->receiver.url;
  Require(url.starts_with("http://") || url.starts_with("https://"));
  Require(url.find_first_of(" \r\n\"\\#?") == std::string::npos && url.back() != '/');
  Require(config->receiver.certificate.empty() == config->receiver.certificate_key.empty());
  (void)ReadLines(sender::Describe(*config));
}

// The number that `text` spells, with a factor behind it; nullopt if it is not a number or larger than any
// limit.
std::optional<std::uint64_t> Spelled(std::string_view text, bool suffixes) {
  constexpr std::uint64_t kKiB = 1024;
  std::uint64_t factor = 1;
  const std::size_t last =
      suffixes && !text.empty() ? std::string_view("KMGT").find(text.back()) : std::string_view::npos;
  if (last != std::string_view::npos) {
    for (std::size_t i = 0; i <= last; ++i) factor *= kKiB;
    text.remove_suffix(1);
  }
  if (text.empty()) return std::nullopt;
  unsigned __int128 number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<unsigned>(c - '0');
    if (number > std::numeric_limits<std::uint64_t>::max()) return std::nullopt;
  }
  number *= factor;
  if (number > std::numeric_limits<std::uint64_t>::max()) return std::nullopt;
  return static_cast<std::uint64_t>(number);
}

void CheckNumber(const std::string& text, bool suffixes) {
  const Setting setting{
      "N", suffixes ? Setting::Kind::kBytes : Setting::Kind::kNumber, "7", "", 3, std::uint64_t{1} << 42U,
      ""};
  auto expected = text.empty() ? std::optional<std::uint64_t>(7) : Spelled(text, suffixes);
  if (expected && (*expected < setting.low || *expected > setting.high)) expected.reset();
  const Environment environment = [&](const char*) { return text.c_str(); };
  std::optional<std::uint64_t> got = 0;
  try {
    const SettingsReader reader(environment);
    reader(setting, *got);
  } catch (const ConfigError& error) {
    Require(std::string_view(error.what()).starts_with("N is \"" + text + "\""));
    got.reset();
  }
  Require(got == expected);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = Text(data, size);
  const Settings settings = ReadSettings(text);
  CheckWorker(settings);
  CheckSender(settings);
  const std::string number(text.substr(0, text.find('\0')));
  CheckNumber(number, true);
  CheckNumber(number, false);
  return 0;
}
