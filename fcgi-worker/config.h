// Config: every setting of a worker, read once from environment variables and checked before anything starts.
// Immutable afterwards. The members are made from service/settings.table, whose lines say what each one
// means.

#pragma once

#include <string>

#include "fcgi-worker/worker_settings.h"
#include "lib/config/settings_reader.h"

namespace hashpost {

using Config = WorkerSettings;

// Throws ConfigError.
[[nodiscard]] Config ReadConfig(const Environment& environment);

// One line "NAME=value" for each setting in force.
[[nodiscard]] std::string Describe(const Config& config);

}  // namespace hashpost
