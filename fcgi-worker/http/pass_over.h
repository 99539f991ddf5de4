// What is left of a request's content when its answer is known: many clients, and all on HTTP/2, see no
// answer before they have sent everything. Stateless.

#pragma once

#include <chrono>
#include <cstdint>

#include "fcgi-worker/http/request.h"

namespace hashpost::http {

struct PassOverLimits {
  std::uint64_t bytes = std::uint64_t{64} << 20U;
  std::chrono::milliseconds time{30'000};
};

// Reads and forgets what is left of `body`, within `limits`, and no more if it breaks off. The time is looked
// at when something comes, or if nothing comes for as long as that.
void PassOver(BodyReader& body, const PassOverLimits& limits) noexcept;

}  // namespace hashpost::http
