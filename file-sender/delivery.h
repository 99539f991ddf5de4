// Delivery: one file on its way: read, made XML, sealed, uploaded, remembered. One object for each thread.
//
// What is remembered when decides what a kill can do: a new file is recorded only after the receiver's 201,
// so a kill between the two has it sent once more, with the same result; of all threads one is between its
// file's last byte and the record at a time, so this concerns one file. Before a changed file is sent, the
// record of what was delivered is withdrawn: otherwise a file that changes back after an upload of unknown
// end would be taken for delivered, while the receiver has the content in between.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "file-sender/config.h"
#include "file-sender/file_record.h"
#include "file-sender/input_file.h"
#include "file-sender/state.h"
#include "file-sender/turn.h"
#include "file-sender/upload_response.h"
#include "lib/fernet/key.h"
#include "lib/io/spool.h"

namespace hashpost::sender {

enum class DeliveryKind {
  kDelivered,    // now, and recorded
  kKnown,        // its content was delivered before
  kQuarantined,  // recorded with the reason
  kGone,         // there is no such file (any more)
  kChanged,      // it changed while it was read: again soon
  kTooSoon,      // one of this name was sealed within this second: again after `wait_at_least`
  kFailed,       // recorded with the reason: again later
  kUnreachable,  // the receiver is; nothing was recorded
  kStopped,
};

struct DeliveryOutcome {
  DeliveryKind kind;
  std::string reason = {};                     // kQuarantined, kFailed, kUnreachable
  std::chrono::milliseconds wait_at_least{0};  // kFailed, kTooSoon
};

// Sends the first `size` bytes of `fd` as `target`; calls `before_last_byte` before all of it can be there.
using UploadFunction = std::function<UploadResult(const std::string& target, int fd, std::uint64_t size,
                                                  const std::function<void()>& before_last_byte)>;

// Names the receiver, the key and the bound of growth: what a receiver refused may be fine for another one,
// or with another key; what was too long, with another bound.
[[nodiscard]] std::uint64_t SettingsId(const Config& config, const fernet::Key& key);

class Delivery {
 public:
  // All live longer than this; `state` and `unrecorded`, which is held by whose file the receiver may have
  // and the state not, are shared by all threads. At `stop` it does not wait any more for room to write its
  // records, and leaves the file that it is at. `clock` is the system's (nanoseconds since the epoch) but in
  // tests.
  Delivery(const Config& config, const fernet::Key& key, State& state, Turn& unrecorded,
           UploadFunction upload, std::stop_token stop, std::function<std::uint64_t()> clock = Now);

  // `name`: in INPUT_DIR, and IsInput holds; nobody else delivers it meanwhile. Throws what State throws;
  // what else can go wrong is an outcome. Logs each step.
  [[nodiscard]] DeliveryOutcome Deliver(const std::string& name);

 private:
  struct File;  // what is at hand

  [[nodiscard]] std::optional<DeliveryOutcome> TooSoon(const File& file) const;
  DeliveryOutcome DeliverFile(File& file);
  DeliveryOutcome Send(File& file, const io::Spool& sealed);
  // Writes XML, sealed, to `sealed`; an outcome if that did not work.
  std::optional<DeliveryOutcome> Seal(File& file, io::Spool& sealed);
  DeliveryOutcome Failed(File& file, const std::string& reason,
                         std::chrono::seconds wait = std::chrono::seconds(0));
  DeliveryOutcome Quarantine(File& file, const std::string& reason);
  void Record(File& file, RecordKind kind, const std::string& reason = "");
  void Write(const File& file);

  const Config& config_;
  const fernet::Key& key_;
  const std::uint64_t settings_;
  State& state_;
  Turn& unrecorded_;
  const UploadFunction upload_;
  const std::stop_token stop_;
  const std::function<std::uint64_t()> clock_;
};

}  // namespace hashpost::sender
