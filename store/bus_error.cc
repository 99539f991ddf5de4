#include "store/bus_error.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <string_view>

namespace hashpost::store {
namespace {

thread_local const crypto::Sha256Digest* reading = nullptr;

constexpr int kExitBusError = 74;  // EX_IOERR

void Say(std::string_view text) {
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

// Only async-signal-safe calls: no allocation, no locks.
void OnBusError(int /*signal*/) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  Say("The disk could not read a page of the store (SIGBUS); look at the kernel's log. Message at hand: ");
  if (reading == nullptr) {
    Say("none");
  } else {
    for (const char byte : reading->Bytes()) {
      const auto value = static_cast<unsigned char>(byte);
      const std::array<char, 2> hex = {kDigits[value >> 4U], kDigits[value & 15U]};
      Say({hex.data(), hex.size()});
    }
  }
  Say("\n");
  _exit(kExitBusError);
}

}  // namespace

void InstallBusErrorHandler() {
  struct sigaction action {};
  action.sa_handler = OnBusError;
  sigaction(SIGBUS, &action, nullptr);
}

ReadingRecord::ReadingRecord(const crypto::Sha256Digest& digest) {
  reading = &digest;
}
ReadingRecord::~ReadingRecord() {
  reading = nullptr;
}

}  // namespace hashpost::store
