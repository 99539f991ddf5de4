#include "fcgi-worker/drop/receiver.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "fcgi-worker/drop/name_lock.h"
#include "fcgi-worker/http/problem.h"
#include "lib/crypto/sha256.h"
#include "lib/fernet/key_file.h"
#include "lib/fernet/layout.h"
#include "lib/io/file_reader.h"
#include "lib/io/folder.h"
#include "lib/log/log.h"
#include "lib/watchdog/watchdog.h"
#include "store/message_store.h"

namespace hashpost::drop {
namespace {

using http::HttpError;

constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;
// The form around the token: boundaries, the part's header, and what may stand before and behind.
constexpr std::uint64_t kFormBytes = std::uint64_t{32} * 1024;

void MakeFolder(const std::string& path) {
  constexpr mode_t kMode = 0700;
  try {
    io::MakeFolder(path, kMode);  // or a loss of power could take the key and the ledger away
  } catch (const std::system_error& error) {
    throw ReceiverUnavailable(std::string(error.what()) + ".");
  }
}

fernet::Keys LoadKeys(const ReceiverOptions& options) {
  MakeFolder(options.state);  // where the key may lie
  const std::string& path = options.key_file;
  const fernet::KeyFile file = fernet::LoadOrCreateKeyFile(path);
  const std::string fingerprint = file.keys.Sealing().Fingerprint();
  if (file.created) {
    log::Warning("receiver", "Decryption key is not available in " + path + ".");
    log::Warning("receiver", "A new key was made there, with the fingerprint " + fingerprint +
                                 ": copy the file to the senders, over a safe way.");
  }
  if (file.readable_by_all && !path.starts_with("/run/secrets/")) {
    log::Warning("receiver", "Every user of this machine can read the key file " + path + ": chmod 0600 it.");
  }
  log::Info("receiver", "Files are decrypted with " + std::to_string(file.keys.All().size()) + " key(s) of " +
                            path + "; fingerprint of the first: " + fingerprint + ".");
  return file.keys;
}

// `group` is the name of a group or its number; nullopt if it is empty.
std::optional<gid_t> FindGroup(const std::string& group) {
  if (group.empty()) return std::nullopt;
  std::array<char, 65536> text{};
  struct group entry {};
  struct group* found = nullptr;
  ::getgrnam_r(group.c_str(), &entry, text.data(), text.size(), &found);
  if (found != nullptr) return found->gr_gid;
  gid_t number = 0;
  const auto [end, error] = std::from_chars(group.data(), group.data() + group.size(), number);
  if (error != std::errc{} || end != group.data() + group.size() || number == static_cast<gid_t>(-1))
    throw ReceiverUnavailable("HASHPOST_FILE_GROUP=" + group + " is not a group of this machine.");
  return number;
}

// The ledger's folder, once it is there.
std::string LedgerFolder(const std::string& state) {
  std::string folder = state + "/ledger";
  MakeFolder(folder);
  return folder;
}

HttpError Unavailable(std::string sentence) {
  return HttpError(
      {503, "drop-unavailable", "Drop unavailable", std::move(sentence), {{"Retry-After", "10"}}});
}

HttpError Full() {
  return HttpError({507,
                    "drop-full",
                    "Drop full",
                    "The disk of the receiver is full: send the file again when its operator has made room.",
                    {{"Retry-After", "60"}}});
}

// What the folder does not let us do. `error` says more to the operator than to the sender.
HttpError FolderProblem(const std::string& folder, const std::system_error& error) {
  const int code = error.code().value();
  log::Error("receiver", "Nothing can be put into " + folder + ": " + error.what() + ".");
  if (code == ENOSPC || code == EDQUOT || code == EFBIG) return Full();
  return Unavailable(
      "The receiver cannot write to its output folder: its log says why; send the file again later.");
}

HttpError TokenProblem(const fernet::TokenError& error) {
  if (error.fault() == fernet::TokenFault::kChanged)
    return Unavailable("The token changed on the receiver's disk.");
  if (error.fault() == fernet::TokenFault::kExpired || error.fault() == fernet::TokenFault::kFuture)
    return HttpError({400, "token-time", "Token's time out of bounds", error.what()});
  return HttpError({400, "bad-token", "Bad token", error.what()});
}

HttpError TooLarge(std::uint64_t limit) {
  return HttpError({413, "too-large", "File too large",
                    "A file may have at most " + std::to_string(limit) +
                        " bytes: ask the operator to raise HASHPOST_MAX_FILE_BYTES."});
}

// Where the token goes until it is verified.
class SpoolSink : public io::ByteSink {
 public:
  explicit SpoolSink(io::UnnamedFile& file) : file_(file) {}
  void Write(std::string_view bytes) override {
    const watchdog::Waiting for_the_disk;
    file_.Write(bytes);
  }

 private:
  io::UnnamedFile& file_;
};

// Where the plaintext goes. Each piece counts as progress, since a file of any size may pass.
class PlaintextSink : public io::ByteSink {
 public:
  explicit PlaintextSink(io::UnnamedFile& file) : file_(file) {}
  void Write(std::string_view bytes) override {
    digest_.Update(bytes);
    const watchdog::Waiting for_the_disk;
    file_.Write(bytes);
  }
  [[nodiscard]] crypto::Sha256Digest Digest() { return digest_.Finish(); }

 private:
  io::UnnamedFile& file_;
  crypto::Sha256 digest_;
};

}  // namespace

FileReceiver::FileReceiver(ReceiverOptions options)
    : options_(std::move(options)),
      keys_(LoadKeys(options_)),
      ledger_(LedgerFolder(options_.state)),
      output_(options_.folder, options_.state + "/incoming",
              {.mode = options_.mode, .group = FindGroup(options_.group)}) {
  CheckFolder();
}

// A process that was killed between two calls may have left the aside name of a file. Under the lock of its
// name it is nobody's.
void FileReceiver::Sweep() const {
  std::error_code error;
  for (const io::UniqueFd& folder : output_.IncomingFolders()) {
    const std::string path = "/proc/self/fd/" + std::to_string(folder.get());
    for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end;
         entry.increment(error)) {
      const std::string aside = entry->path().filename();
      if (!aside.ends_with(OutputFolder::kAsideExtension)) continue;
      const NameLock lock(LockFile(), aside.substr(0, aside.size() - OutputFolder::kAsideExtension.size()));
      ::unlinkat(folder.get(), aside.c_str(), 0);
    }
  }
}

// What stands in the way of uploads is said at the start.
void FileReceiver::CheckFolder() {
  try {
    output_.Check();
    Sweep();
    // Whoever made the folder may not have synced the one above it; without that a loss of power takes it
    // away with every file in it.
    io::SyncFolderOf(options_.folder);
    log::Info("receiver", "Files that are uploaded land in " + options_.folder + ".");
  } catch (const std::system_error& error) {
    log::Error("receiver", "Nothing can be put into OUTPUT_DIR=" + options_.folder + ": " + error.what() +
                               ". Uploads are refused until that is put right.");
  }
}

std::uint64_t FileReceiver::MaxContentBytes() const {
  return options_.max_file_bytes == 0 ? 0 : fernet::TokenBytes(options_.max_file_bytes) + kFormBytes;
}

fernet::VerifiedToken FileReceiver::Spool(io::ByteSource& token, io::UnnamedFile& spool) const {
  SpoolSink sink(spool);
  fernet::Verifier verifier(keys_, &sink);
  const auto piece = std::make_unique<std::array<char, kPieceBytes>>();
  std::optional<fernet::AgeLimit> age;
  while (const std::size_t size = token.Read(*piece)) {
    // Now, since a large file may well be under way for longer than a token may be old.
    if (options_.max_age && !age) age = {*options_.max_age, options_.now()};
    verifier.Write({piece->data(), size});
    if (options_.max_file_bytes > 0 && spool.size() > options_.max_file_bytes + fernet::kSmallestBytes) {
      throw TooLarge(options_.max_file_bytes);
    }
  }
  fernet::VerifiedToken verified = verifier.Finish(age);
  if (options_.max_file_bytes > 0 && verified.PlaintextBytes() > options_.max_file_bytes) {
    throw TooLarge(options_.max_file_bytes);
  }
  return verified;
}

std::string FileReceiver::Receive(const std::string& name, io::ByteSource& token) {
  try {
    return Unseal(name, token);
  } catch (const fernet::TokenError& error) {
    throw TokenProblem(error);
  } catch (const std::system_error& error) {
    throw FolderProblem(options_.folder, error);
  } catch (const store::StoreFull& error) {
    log::Error("receiver", error.what());
    throw Full();
  } catch (const store::StoreBroken&) {
    throw;
  } catch (const store::StoreError& error) {
    log::Error("receiver", error.what());
    throw Unavailable("The receiver cannot use its ledger: its log says why; send the file again later.");
  }
}

std::string FileReceiver::Unseal(const std::string& name, io::ByteSource& token) {
  const io::UniqueFd incoming = output_.OpenIncoming();
  std::optional<io::UnnamedFile> spool(incoming.get());
  const fernet::VerifiedToken verified = Spool(token, *spool);
  io::UnnamedFile file(incoming.get());
  PlaintextSink plaintext(file);
  io::FileReader spooled(spool->fd());
  fernet::DecryptSpooled(verified, spooled, plaintext);
  spool.reset();  // its room on the disk is free again
  Place(name, {.time = verified.Time(), .tag = verified.Code(), .content = plaintext.Digest()}, file);
  return options_.folder + "/" + name + std::string(OutputFolder::kExtension);
}

// The ledger comes first: were the process killed after the rename, an older token could undo it. Killed
// between the two, the file is still the old one; but then the sender has no answer, sends again, and that is
// taken.
void FileReceiver::Place(const std::string& name, const ReceivedToken& received, io::UnnamedFile& file) {
  const watchdog::Waiting for_the_disk;
  const io::UniqueFd folder = output_.Finish(file);
  const NameLock lock(LockFile(), name);
  Admit(name, received);
  output_.Put(file, folder, name);
}

// Throws if what the name holds must stay.
void FileReceiver::Admit(const std::string& name, const ReceivedToken& received) {
  switch (ledger_.Admit(name, received)) {
    case Verdict::kTaken:
      break;
    case Verdict::kReplayed:
      throw HttpError(
          {409, "replayed", "Older content",
           "The token is older than what the name holds, so that is kept: seal the content again, with a "
           "clock that is right, if it is to be the newest."});
    case Verdict::kTooMany:
      throw HttpError({503,
                       "busy",
                       "Busy",
                       "Too many tokens for this name were sealed within one second: seal the content again.",
                       {{"Retry-After", "1"}}});
  }
}

}  // namespace hashpost::drop
