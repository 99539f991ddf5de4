// FileReceiver: where the file drop puts what it receives (docs/file-drop.md). A token is spooled to a file
// without a name, verified whole, decrypted into another one, and only then put in its place: at once,
// durably, and never by older content. Thread-safe; many workers may share one folder. Memory: about 1 MiB
// for each call, whatever the size.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

#include "fcgi-worker/drop/ledger.h"
#include "fcgi-worker/drop/output_folder.h"
#include "lib/fernet/key.h"
#include "lib/fernet/open.h"
#include "lib/fernet/seal.h"
#include "lib/io/byte_stream.h"
#include "lib/io/unnamed_file.h"

namespace hashpost::drop {

struct ReceiverOptions {
  std::string folder;    // where the files land
  std::string key_file;  // made if it is missing
  std::string state;     // folder of the ledger, the locks and what is not whole yet; made if it is missing
  mode_t mode = OutputFolder::kDefaultMode;  // of a file, whatever the umask
  std::string group;                 // of a file, by name or number; empty: the folder's if it is setgid
  std::uint64_t max_file_bytes = 0;  // of a file, decrypted; 0: any
  std::optional<std::chrono::seconds> max_age;  // of a token, by its own time, when its first bytes arrive
  std::function<std::uint64_t()> now = [] { return fernet::Stamp::Now().time; };  // a test's clock
};

// The drop cannot start; what() is a sentence for the operator.
class ReceiverUnavailable : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

class FileReceiver {
 public:
  // Reads or makes the key, opens the ledger, and removes what a killed process left. Throws
  // ReceiverUnavailable, fernet::KeyError or store::StoreError.
  explicit FileReceiver(ReceiverOptions options);

  // Decrypts the token that `token` gives, and puts it under `name` ".xml" into the folder; `name` is a
  // checked one. Returns the path; then the file is on the disk. Throws HttpError for what is wrong with the
  // token (400), its size (413), its time (409, a replay), too many in one second (503), or the folder or
  // ledger (503, 507); store::StoreBroken; and what `token` throws.
  [[nodiscard]] std::string Receive(const std::string& name, io::ByteSource& token);

  // The longest content of a request that can be right: more is refused before it is read. 0: any.
  [[nodiscard]] std::uint64_t MaxContentBytes() const;

 private:
  void Sweep() const;
  void CheckFolder();
  [[nodiscard]] fernet::VerifiedToken Spool(io::ByteSource& token, io::UnnamedFile& spool) const;
  std::string Unseal(const std::string& name, io::ByteSource& token);
  void Place(const std::string& name, const ReceivedToken& received, io::UnnamedFile& file);
  void Admit(const std::string& name, const ReceivedToken& received);
  [[nodiscard]] std::string LockFile() const { return options_.state + "/names.lock"; }

  const ReceiverOptions options_;
  fernet::Keys keys_;
  Ledger ledger_;
  OutputFolder output_;
};

}  // namespace hashpost::drop
