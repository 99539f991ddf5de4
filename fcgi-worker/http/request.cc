#include "fcgi-worker/http/request.h"

#include <array>

namespace hashpost::http {

void PassOver(BodyReader& body, const PassOverLimits& limits) noexcept {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + limits.time;
  std::array<char, 16384> scratch;  // NOLINT(cppcoreguidelines-pro-type-member-init): forgotten anyway
  body.GiveUpAfter(limits.time);
  try {
    for (std::uint64_t passed = 0; passed < limits.bytes && Clock::now() < deadline;) {
      const std::size_t got = body.Read(scratch);
      if (got == 0) break;
      passed += got;
    }
  } catch (...) {  // it breaks off, and nobody wants it
  }
  body.GiveUpAfter(std::chrono::milliseconds(0));
}

}  // namespace hashpost::http
