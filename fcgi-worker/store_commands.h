// What hashpost-worker does with a store instead of serving it: --check-format, --check-store,
// --recover-store=FOLDER.

#pragma once

#include <string_view>

#include "fcgi-worker/config.h"

namespace hashpost {

[[nodiscard]] bool IsStoreCommand(std::string_view option);

// Returns the exit status; `option` is one of these. Throws store::StoreError if the store cannot be opened.
[[nodiscard]] int RunStoreCommand(std::string_view option, const Config& config);

}  // namespace hashpost
