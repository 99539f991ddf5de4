#include "file-sender/delivery.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>
#include <variant>

#include "file-sender/backoff.h"
#include "file-sender/json_to_xml.h"
#include "file-sender/naming.h"
#include "lib/crypto/sha256.h"
#include "lib/fernet/seal.h"
#include "lib/io/big_endian.h"
#include "lib/log/log.h"

namespace hashpost::sender {
namespace {

constexpr std::chrono::seconds kLongestPause{30};  // between two tries to write a record
// A receiver may take long over a big file; the others go on then.
constexpr std::chrono::seconds kLongestTurn{1};
constexpr std::uint64_t kSmall = std::uint64_t{512} << 10U;

// (LMDB says EIO when a disk that is filling up takes a part of a page.)
bool MayPass(int error) {
  return error == ENOSPC || error == EDQUOT || error == EIO || error == MDB_MAP_FULL;
}

// A small file may grow as it likes.
std::uint64_t MaxXmlBytes(const Config& config, std::uint64_t json_bytes) {
  constexpr std::uint64_t kAlways = std::uint64_t{16} << 20U;
  if (config.sender_max_growth == 0 || json_bytes > UINT64_MAX / config.sender_max_growth) return UINT64_MAX;
  return std::max(kAlways, json_bytes * config.sender_max_growth);
}

}  // namespace

struct Delivery::File {
  std::string name;
  std::string path;
  std::string target;
  std::optional<FileRecord> before = std::nullopt;  // its record when the work began
  FileRecord record = {};                           // as it is now: of the file that is at hand
  InputFile* input = nullptr;                       // none if it cannot be read
};

std::uint64_t SettingsId(const Config& config, const fernet::Key& key) {
  const crypto::Sha256Digest digest = crypto::HashSha256(config.receiver.url + "\n" + key.Fingerprint() +
                                                         "\n" + std::to_string(config.sender_max_growth));
  return io::FromBigEndian(digest.Bytes());
}

Delivery::Delivery(const Config& config, const fernet::Key& key, State& state, Turn& unrecorded,
                   UploadFunction upload, std::stop_token stop, std::function<std::uint64_t()> clock)
    : config_(config),
      key_(key),
      settings_(SettingsId(config, key)),
      state_(state),
      unrecorded_(unrecorded),
      upload_(std::move(upload)),
      stop_(std::move(stop)),
      clock_(std::move(clock)) {}

DeliveryOutcome Delivery::Deliver(const std::string& name) {
  File file{.name = name, .path = config_.input_dir + "/" + name, .target = ""};
  file.before = state_.Get(name);
  if (file.before) file.record = *file.before;
  try {
    auto opened = InputFile::Open(file.path, stop_);
    if (const auto* none = std::get_if<NoInput>(&opened)) {
      if (none->why == NoInput::Why::kGone) return {DeliveryKind::kGone};
      file.record.stamp = none->stamp;
      file.record.read_at = Now();
      file.record.content = {};
      return none->why == NoInput::Why::kFailed ? Failed(file, none->sentence)
                                                : Quarantine(file, none->sentence);
    }
    file.input = &std::get<InputFile>(opened);
    file.record.stamp = file.input->stamp();
    file.record.read_at = file.input->read_at();
    file.record.content = file.input->digest();
    return DeliverFile(file);
  } catch (const Stopped&) {
    return {DeliveryKind::kStopped};
  } catch (const std::system_error& error) {  // files: a disk that is full or fails
    return Failed(file, std::string(error.what()) + ".");
  }
}

// Tokens count whole seconds, and those of a name must have growing times: otherwise an upload that broke
// off, but which the receiver is still at, could replace a later one of the same second. With one for each
// second no time runs ahead of the clock, however often the file changes.
std::optional<DeliveryOutcome> Delivery::TooSoon(const File& file) const {
  if (!file.before || file.before->token_time == 0) return std::nullopt;
  const std::uint64_t now = clock_();
  const std::uint64_t second = now / kNanosecondsPerSecond;
  // (The time of the token by itself would not do: it is ahead when the clock was put back.)
  if (second != file.before->token_time && second != file.before->read_at / kNanosecondsPerSecond)
    return std::nullopt;
  const auto left = std::chrono::nanoseconds(kNanosecondsPerSecond - now % kNanosecondsPerSecond);
  return DeliveryOutcome{DeliveryKind::kTooSoon, "", std::chrono::ceil<std::chrono::milliseconds>(left)};
}

DeliveryOutcome Delivery::DeliverFile(File& file) {
  if (file.record.delivered == file.record.content) {
    Record(file, RecordKind::kDelivered);
    return {DeliveryKind::kKnown};
  }
  if (file.before && file.before->kind == RecordKind::kQuarantined &&
      file.before->content == file.record.content && file.before->settings == settings_) {
    return Quarantine(file, file.before->reason);  // with its new stamp
  }
  const auto target = TargetOf(file.name);
  if (const auto* bad = std::get_if<BadName>(&target)) return Quarantine(file, bad->sentence);
  file.target = std::get<Target>(target).name;
  if (auto outcome = TooSoon(file)) return *std::move(outcome);

  io::Spool sealed(config_.status_db_path);
  if (auto outcome = Seal(file, sealed)) return *std::move(outcome);
  return Send(file, sealed);
}

std::optional<DeliveryOutcome> Delivery::Seal(File& file, io::Spool& sealed) {
  fernet::Stamp stamp = fernet::Stamp::Now();
  stamp.time = clock_() / kNanosecondsPerSecond;
  // A clock that was put back must not make the receiver take this for the older file.
  if (file.record.token_time > 0) stamp.time = std::max(stamp.time, file.record.token_time + 1);
  fernet::Sealer sealer(key_, sealed, stamp);
  const auto converted =
      JsonToXml(file.input->content(), sealer, MaxXmlBytes(config_, file.record.stamp.size));
  if (!file.input->IsUnchanged()) return DeliveryOutcome{DeliveryKind::kChanged};
  if (const auto* refused = std::get_if<Refused>(&converted)) {
    if (refused->has_changed) return DeliveryOutcome{DeliveryKind::kChanged};
    return Quarantine(file, refused->sentence);
  }
  sealer.Finish();
  file.record.token_time = stamp.time;
  const std::string xml = file.target + ".xml";
  log::Info("sender", file.path + " is converted to " + xml);
  const auto& form = std::get<Converted>(converted);
  if (form.left_out > 0) {
    log::Info("sender", file.path + " repeats keys: " + std::to_string(form.left_out) +
                            " members are left out, since a later one has the same key.");
  }
  if (form.may_repeat) {
    log::Warning("sender", file.path +
                               " has too many keys in one object to find all repeated ones: some may stand " +
                               "in the XML more than once.");
  }
  log::Info("sender", xml + " is encrypted to " + xml + ".enc");
  return std::nullopt;
}

DeliveryOutcome Delivery::Send(File& file, const io::Spool& sealed) {
  const std::uint64_t token_time_before = file.before ? file.before->token_time : 0;
  if (file.record.delivered) {
    file.record.delivered.reset();
    Record(file, RecordKind::kPending, "It is being sent.");
  }
  Turn::Hold turn(unrecorded_);
  const auto take_turn = [&] { turn.Await(kLongestTurn); };
  // Were its turn awaited within the upload, a small one would hold one of the receiver's few places for
  // nothing.
  if (sealed.size() <= kSmall) take_turn();
  const UploadResult result = upload_(file.target, sealed.fd(), sealed.size(), take_turn);
  switch (result.kind) {
    case UploadKind::kAccepted:
      file.record.delivered = file.record.content;
      Record(file, RecordKind::kDelivered);
      log::Info("sender", file.target + " is uploaded successfully. Response from server: " + result.message);
      return {DeliveryKind::kDelivered};
    case UploadKind::kRefused:
      file.record.token_time = token_time_before;
      return Quarantine(file, result.message);
    case UploadKind::kStale:
      // Neither this token nor an earlier one that was dated later counts there: go by the clock again.
      file.record.token_time = 0;
      return Failed(file, result.message + " It is sealed again after a pause.", result.wait_at_least);
    case UploadKind::kFailed:
      return Failed(file, result.message, result.wait_at_least);
    case UploadKind::kUnreachable:
      return {DeliveryKind::kUnreachable, result.message};
    case UploadKind::kStopped:
      Record(file, RecordKind::kPending, "The sender was stopped while it was being sent.");
      break;
  }
  return {DeliveryKind::kStopped};
}

DeliveryOutcome Delivery::Failed(File& file, const std::string& reason, std::chrono::seconds wait) {
  Record(file, RecordKind::kPending, reason);
  log::Warning("sender", "Unable to upload file. msg: " + file.name + ": " + reason);
  return {DeliveryKind::kFailed, reason, wait};
}

DeliveryOutcome Delivery::Quarantine(File& file, const std::string& reason) {
  const bool is_new = !file.before || file.before->kind != RecordKind::kQuarantined ||
                      file.before->reason != reason || file.before->content != file.record.content ||
                      file.before->settings != settings_;
  Record(file, RecordKind::kQuarantined, reason);
  if (is_new) {
    log::Error("sender",
               "Unable to upload file. msg: " + file.name + " is quarantined until it changes. " + reason);
  }
  return {DeliveryKind::kQuarantined, reason};
}

void Delivery::Record(File& file, RecordKind kind, const std::string& reason) {
  const bool goes_on =
      file.before && file.before->kind == kind && file.before->content == file.record.content;
  file.record.kind = kind;
  file.record.reason = reason;
  file.record.settings = settings_;
  if (!goes_on) file.record.since = Now() / kNanosecondsPerSecond;
  if (file.before && !file.record.AddsTo(*file.before)) return;
  Write(file);
  file.before = file.record;
}

// On a full disk it waits: to go on without the record would be to send the file again and again.
void Delivery::Write(const File& file) {
  for (unsigned failures = 1;; ++failures) {
    try {
      return state_.Put(file.name, file.record);
    } catch (const lmdb::Error& error) {
      if (!MayPass(error.code()) || stop_.stop_requested()) throw;
      log::Error("sender", "The record of " + file.name + " cannot be written (" + error.what() +
                               "); make room in STATUS_DB_PATH. It is tried until it works.");
    }
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any().wait_for(lock, stop_, Backoff(failures, kLongestPause),
                                           [] { return false; });
  }
}

}  // namespace hashpost::sender
