// What hashpost-worker does with a store instead of serving it: --check-format, --check-store,
// --recover-store=FOLDER.

#pragma once

#include <optional>
#include <string_view>

#include "fcgi-worker/config.h"

namespace hashpost {

// The exit status, or nullopt if `option` is none of these. Throws store::StoreError if the store cannot be
// opened.
[[nodiscard]] std::optional<int> RunStoreCommand(std::string_view option, const Config& config);

}  // namespace hashpost
