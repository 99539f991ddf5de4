// Lets arbitrary bytes be a key file: either it has keys, which written again are the same ones, or a
// sentence names the path and shows nothing of what the file holds. Corpus: corpus/key_file_fuzz.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "lib/fernet/key_file.h"
#include "lib/utf8/utf8.h"
#include "tests/fuzz/require.h"

namespace {

using namespace hashpost;
using namespace hashpost::fernet;

constexpr std::size_t kMostBytes = 4096;

// No file system is asked, so that a run costs microseconds.
class MemoryFile {
 public:
  MemoryFile() : fd_(::memfd_create("keys", MFD_CLOEXEC)), path_("/proc/self/fd/" + std::to_string(fd_)) {}
  void Hold(std::string_view text) const {
    Require(::ftruncate(fd_, 0) == 0);
    Require(::pwrite(fd_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  int fd_;
  std::string path_;
};

void CheckSentence(const KeyError& error, const std::string& path, std::size_t size) {
  const std::string sentence = error.what();
  Require(sentence.find(path) != std::string::npos && utf8::IsValid(sentence));
  switch (error.fault()) {
    case KeyFault::kEmpty:
    case KeyFault::kTooMany:
      Require(size <= kMostBytes);
      break;
    case KeyFault::kMalformed:
      break;
    default:
      Require(false);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const MemoryFile file;
  const std::string_view text = Text(data, size);
  file.Hold(text);
  std::string again;
  try {
    const KeyFile keys = LoadKeyFile(file.path());
    Require(!keys.created && size <= kMostBytes && !keys.keys.All().empty());
    for (const Key& key : keys.keys.All()) again += key.Text() + "\r\n";
    file.Hold(again);
    const KeyFile same = LoadOrCreateKeyFile(file.path());
    Require(!same.created && std::equal(keys.keys.All().begin(), keys.keys.All().end(),
                                        same.keys.All().begin(), same.keys.All().end()));
  } catch (const KeyError& error) {
    Require(again.empty());
    CheckSentence(error, file.path(), size);
  }
  return 0;
}
