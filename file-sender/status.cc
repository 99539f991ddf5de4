#include "file-sender/status.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

#include "file-sender/input_file.h"
#include "file-sender/naming.h"
#include "file-sender/state_reader.h"
#include "lib/utf8/utf8.h"

namespace hashpost::sender {
namespace {

constexpr std::size_t kMostNames = 100;  // of those that are pending

struct PendingFile {
  std::uint64_t since;  // seconds since the epoch
  std::string name;
  std::string reason;
};

std::string Line(const std::string& name, const std::string& reason) {
  return "  " + utf8::Printable(name, 255) + (reason.empty() ? "" : ": " + reason) + "\n";
}

// The files of the folder, each with what the state says of it.
void Look(const Config& config, const StateReader* state, std::vector<PendingFile>& waiting,
          std::map<std::string, std::string>& quarantined) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(config.input_dir.c_str()), ::closedir);
  if (!folder) {
    throw std::system_error(errno, std::system_category(),
                            "INPUT_DIR=" + config.input_dir + " cannot be read");
  }
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string name = entry->d_name;
    if (!IsInput(name)) continue;
    const FileStamp stamp = StampAt(::dirfd(folder.get()), name);
    const std::optional<FileRecord> record = state != nullptr ? state->Get(name) : std::nullopt;
    const bool is_same = record && record->stamp == stamp;
    if (is_same && record->kind == RecordKind::kDelivered) continue;
    if (is_same && record->kind == RecordKind::kQuarantined) {
      quarantined[name] = record->reason;
    } else if (is_same) {
      waiting.push_back({record->since, name, record->reason});
    } else {
      waiting.push_back({stamp.ctime / kNanosecondsPerSecond, name, ""});
    }
  }
}

}  // namespace

Status ReadStatus(const Config& config) {
  std::optional<StateReader> state;
  if (StateReader::IsThere(config.status_db_path)) state.emplace(config.status_db_path);
  std::vector<PendingFile> waiting;
  std::map<std::string, std::string> quarantined;
  Look(config, state ? &*state : nullptr, waiting, quarantined);
  std::sort(waiting.begin(), waiting.end(),
            [](const PendingFile& a, const PendingFile& b) { return a.since < b.since; });

  Status status;
  status.pending = waiting.size();
  status.quarantined = quarantined.size();
  if (state) {
    state->ForEach([&](std::string_view, const FileRecord& record) {
      status.delivered += record.kind == RecordKind::kDelivered ? 1 : 0;
    });
  }
  status.text = "pending      " + std::to_string(status.pending);
  if (!waiting.empty()) {
    const std::uint64_t now = Now() / kNanosecondsPerSecond;
    status.text += ", the oldest for " + std::to_string(now - std::min(now, waiting.front().since)) + " s";
  }
  status.text += "\n";
  for (std::size_t i = 0; i < std::min(waiting.size(), kMostNames); ++i) {
    status.text += Line(waiting[i].name, waiting[i].reason);
  }
  if (waiting.size() > kMostNames)
    status.text += "  and " + std::to_string(waiting.size() - kMostNames) + " more\n";
  status.text += "delivered    " + std::to_string(status.delivered) + "\n";
  status.text += "quarantined  " + std::to_string(status.quarantined) + "\n";
  for (const auto& [name, reason] : quarantined) status.text += Line(name, reason);
  return status;
}

}  // namespace hashpost::sender
