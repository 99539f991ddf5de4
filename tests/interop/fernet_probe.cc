// lib/crypto's Fernet on the command line, for the tests against other implementations:
//   fernet-probe seal KEYFILE [SECONDS IV]             standard input to a token on standard output
//   fernet-probe open KEYFILE TOKEN [MAX_AGE NOW]      the file TOKEN to plaintext on standard output
//   fernet-probe fingerprint KEYFILE                   one line for each key
// IV: 32 hexadecimal digits. Exit codes: 0; 1 if key or token is refused (a sentence on standard error); 64.

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <iostream>
#include <string>
#include <system_error>
#include <vector>

#include "lib/fernet/key_file.h"
#include "lib/fernet/seal.h"
#include "lib/io/unique_fd.h"
#include "tests/unit/lib/fernet/open_file.h"

namespace {

using namespace hashpost;

class StandardOutput final : public io::ByteSink {
 public:
  void Write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
      if (count < 0) throw std::system_error(errno, std::system_category(), "standard output");
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }
};

fernet::Stamp StampOf(const std::string& time, const std::string& iv) {
  fernet::Stamp stamp;
  stamp.time = std::stoull(time);
  for (std::size_t i = 0; i < stamp.iv.size(); ++i) {
    stamp.iv[i] = static_cast<char>(std::stoi(iv.substr(2 * i, 2), nullptr, 16));
  }
  return stamp;
}

void Seal(const fernet::Keys& keys, const fernet::Stamp& stamp) {
  StandardOutput out;
  fernet::Sealer sealer(keys.Sealing(), out, stamp);
  std::vector<char> buffer(100000);
  ssize_t count = 0;
  while ((count = ::read(STDIN_FILENO, buffer.data(), buffer.size())) > 0) {
    sealer.Write({buffer.data(), static_cast<std::size_t>(count)});
  }
  if (count < 0) throw std::system_error(errno, std::system_category(), "standard input");
  sealer.Finish();
}

void Open(const fernet::Keys& keys, const std::string& path, const std::optional<fernet::AgeLimit>& limit) {
  const io::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw std::system_error(errno, std::system_category(), path);
  StandardOutput out;
  (void)fernet::OpenFile(file.get(), keys, limit, out);
}

int Run(const std::vector<std::string>& words) {
  if (words.size() < 2) return 64;
  const fernet::Keys keys = fernet::LoadKeyFile(words[1]).keys;
  if (words[0] == "seal" && (words.size() == 2 || words.size() == 4)) {
    Seal(keys, words.size() == 2 ? fernet::Stamp::Now() : StampOf(words[2], words[3]));
  } else if (words[0] == "open" && words.size() == 3) {
    Open(keys, words[2], std::nullopt);
  } else if (words[0] == "open" && words.size() == 5) {
    Open(keys, words[2], fernet::AgeLimit{std::chrono::seconds(std::stoll(words[3])), std::stoull(words[4])});
  } else if (words[0] == "fingerprint" && words.size() == 2) {
    for (const fernet::Key& key : keys.All()) std::cout << key.Fingerprint() << "\n";
  } else {
    return 64;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
