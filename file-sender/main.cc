// hashpost-sender: sends the JSON files of a folder to a receiver. Wiring only; each part says in its header
// what it does.

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "file-sender/config.h"
#include "file-sender/help.h"
#include "file-sender/sender.h"
#include "file-sender/state.h"
#include "file-sender/state_reader.h"
#include "file-sender/status.h"
#include "file-sender/upload.h"
#include "lib/crypto/pem_files.h"
#include "lib/fernet/key_file.h"
#include "lib/io/folder.h"
#include "lib/io/unique_fd.h"
#include "lib/io/unnamed_file.h"
#include "lib/log/log.h"
#include "lib/version/version.h"

namespace hashpost::sender {
namespace {

void RefuseIf(const crypto::PemFault& fault, const char* name, const std::string& path) {
  if (fault) throw ConfigError(std::string(name) + "=" + path + " " + *fault);
}

// So that it is not the first upload that finds out.
void CheckTlsFiles(const Receiver& receiver) {
  if (!receiver.ca_file.empty()) {
    RefuseIf(crypto::FaultOfTrusted(receiver.ca_file), "RECEIVER_CA_FILE", receiver.ca_file);
  }
  if (receiver.certificate.empty()) return;
  RefuseIf(crypto::FaultOfCertificate(receiver.certificate), "RECEIVER_CERT", receiver.certificate);
  RefuseIf(crypto::FaultOfPrivateKey(receiver.certificate_key, receiver.certificate), "RECEIVER_KEY",
           receiver.certificate_key);
}

// Makes STATUS_DB_PATH if it is not there, and says what is wrong with the folders and files that settings
// name.
void CheckPaths(const Config& config) {
  try {
    io::MakeFolder(config.status_db_path, 0700);
  } catch (const std::system_error& error) {
    throw ConfigError("STATUS_DB_PATH=" + config.status_db_path + " cannot be made. " + error.what() + ".");
  }
  if (::access(config.status_db_path.c_str(), W_OK | X_OK) != 0) {
    throw ConfigError("STATUS_DB_PATH=" + config.status_db_path +
                      " cannot be written to: " + std::system_category().message(errno) + ".");
  }
  try {
    const io::UniqueFd folder(::open(config.status_db_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const io::UnnamedFile what_spools_need(folder.get());
  } catch (const std::system_error& error) {
    // (A disk that is full may have room later.)
    if (error.code() == std::errc::operation_not_supported)
      throw ConfigError("STATUS_DB_PATH=" + config.status_db_path + " cannot be used: " + error.what() + ".");
  }
  struct stat input {};
  if (::stat(config.input_dir.c_str(), &input) != 0 || ::access(config.input_dir.c_str(), R_OK | X_OK) != 0) {
    throw ConfigError("INPUT_DIR=" + config.input_dir +
                      " cannot be read: " + std::system_category().message(errno) + ".");
  }
  if (!S_ISDIR(input.st_mode)) throw ConfigError("INPUT_DIR=" + config.input_dir + " is no folder.");
  CheckTlsFiles(config.receiver);
}

// Each file needs some buffers of 128 KiB and more. By default malloc would take them from the kernel and
// give them back each time, with a page fault for every 4 KiB; so it keeps a few MiB for each thread.
void KeepBuffers() {
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 4 << 20);
}

// nullopt if it is missing.
std::optional<fernet::KeyFile> FindKey(const Config& config) {
  try {
    return fernet::LoadKeyFile(config.encryption_key);
  } catch (const fernet::KeyError& error) {
    if (error.fault() == fernet::KeyFault::kMissing) return std::nullopt;
    throw ConfigError(error.what());
  }
}

std::string KeyIsMissing(const Config& config) {
  return "Encryption key is not available in " + config.encryption_key + ".";
}

fernet::Key Announce(const Config& config, const fernet::KeyFile& file) {
  log::Info("sender", "Sealing with the key " + file.keys.Sealing().Fingerprint() + " of " +
                          config.encryption_key + ".");
  if (file.readable_by_all && !config.encryption_key.starts_with("/run/secrets/")) {
    log::Warning("sender", "Every user of this machine can read the key file " + config.encryption_key +
                               "; take that permission away (chmod o= on the file).");
  }
  return file.keys.Sealing();
}

// A key may come later: a secret that is mounted, or the one that a receiver on this machine makes.
std::optional<fernet::Key> WaitForKey(const Config& config, int signals) {
  bool said = false;
  for (;;) {
    if (const auto file = FindKey(config)) return Announce(config, *file);
    if (!said) log::Error("sender", KeyIsMissing(config) + " The sender waits for it.");
    said = true;
    pollfd stop{signals, POLLIN, 0};
    constexpr int kMilliseconds = 500;
    if (::poll(&stop, 1, kMilliseconds) > 0 && NextSignal(signals) != SIGHUP) return std::nullopt;
  }
}

// After SIGHUP. Without a good key file it goes on with the key that it has.
void ReadKeyAgain(const Config& config, fernet::Key& key) {
  std::string fault = KeyIsMissing(config);
  try {
    if (const auto file = FindKey(config)) {
      key = Announce(config, *file);
      return;
    }
  } catch (const ConfigError& error) {
    fault = error.what();
  }
  log::Error("sender", fault + " The sender goes on with the key " + key.Fingerprint() + ".");
}

int Watch(const Config& config) {
  const io::UniqueFd signals = TakeSignals();
  auto key = WaitForKey(config, signals.get());
  if (!key) return EX_OK;
  State state(config.status_db_path);
  for (;;) {
    switch (RunForEver(config, *key, state, signals.get())) {
      case RunEnd::kStopped:
        return EX_OK;
      case RunEnd::kFailed:
        return EX_UNAVAILABLE;
      case RunEnd::kHangUp:
        ReadKeyAgain(config, *key);
    }
  }
}

int Once(const Config& config) {
  const auto file = FindKey(config);
  if (!file) throw ConfigError(KeyIsMissing(config));
  const fernet::Key key = Announce(config, *file);
  State state(config.status_db_path);
  const OnceResult result = RunOnce(config, key, state);
  std::cout << "delivered " << result.delivered << ", known " << result.known << ", quarantined "
            << result.quarantined << ", pending " << result.pending << "\n";
  if (result.failed) return EX_UNAVAILABLE;
  return result.quarantined + result.pending > 0 ? 1 : EX_OK;
}

int PrintStatus(const Config& config) {
  const Status status = ReadStatus(config);
  std::cout << status.text;
  return status.pending + status.quarantined > 0 ? 1 : EX_OK;
}

int Retry(const Config& config) {
  if (!StateReader::IsThere(config.status_db_path)) {
    std::cout << "0 files will be tried again: there is no state in STATUS_DB_PATH=" << config.status_db_path
              << " yet.\n";
    return EX_OK;
  }
  State::BecomeItsOwner(config.status_db_path);
  State state(config.status_db_path);
  std::cout << state.ForgetQuarantined() << " files will be tried again.\n";
  return EX_OK;
}

int Check(const Config& config) {
  CheckPaths(config);
  std::cout << Describe(config);
  if (const auto file = FindKey(config)) {
    std::cout << "key fingerprint: " << file->keys.Sealing().Fingerprint() << "\n";
  } else {
    std::cout << KeyIsMissing(config) << "\n";
  }
  return EX_OK;
}

int Deliver(const Config& config, bool once) {
  ::umask(027);
  CheckPaths(config);
  const auto lock = SenderLock::Take(config.status_db_path);
  if (!lock) {
    log::Error("sender", "Another sender is at work with STATUS_DB_PATH=" + config.status_db_path + ".");
    return EX_TEMPFAIL;
  }
  KeepBuffers();
  // A receiver that hangs up, or a log that nobody reads any more, is an error code and no reason to die.
  ::signal(SIGPIPE, SIG_IGN);
  const UploadLibrary library;
  return once ? Once(config) : Watch(config);
}

// `option`: one of kOptions.
int Run(std::string_view option) {
  if (option == "--help") {
    std::cout << kHelp << ListSettings<SenderSettings>();
    return EX_OK;
  }
  if (option == "--version") {
    std::cout << "hashpost-sender " << kVersion << "\n";
    return EX_OK;
  }
  const Config config = ReadConfig([](const char* name) -> const char* { return std::getenv(name); });
  log::SetLevel(config.log_level);
  // At a terminal the bar has the line to itself, but for what went wrong.
  const bool has_bar = option == "--once" && ::isatty(STDERR_FILENO) == 1;
  if (has_bar && config.log_level == log::Level::kInfo) log::SetLevel(log::Level::kWarning);
  if (option == "--check") return Check(config);
  if (option == "--status") return PrintStatus(config);
  if (option == "--retry") return Retry(config);
  return Deliver(config, option == "--once");
}

}  // namespace
}  // namespace hashpost::sender

int main(int argc, char** argv) {
  // Nothing that it may ever execute gains rights.
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  using hashpost::sender::kOptions;
  if (argc > 1 && std::find(kOptions.begin(), kOptions.end(), argv[1]) == kOptions.end()) {
    std::cerr << "Unknown option " << argv[1] << ": see hashpost-sender --help.\n";
    return EX_USAGE;
  }
  if (argc > 2) {
    std::cerr << "hashpost-sender takes one option at most; " << argv[2] << " is too much. See --help.\n";
    return EX_USAGE;
  }
  try {
    return hashpost::sender::Run(argc > 1 ? argv[1] : "");
  } catch (const hashpost::ConfigError& error) {
    std::cerr << error.what() << "\n";
    return EX_CONFIG;
  } catch (const std::exception& error) {
    hashpost::log::Error("sender", error.what());
    return EX_UNAVAILABLE;
  }
}
