// What hashpost-sender says of itself, and the options that it knows. Constants.

#pragma once

#include <array>
#include <string_view>

namespace hashpost::sender {

inline constexpr std::array<std::string_view, 6> kOptions = {"--once",  "--status", "--retry",
                                                             "--check", "--help",   "--version"};

inline constexpr std::string_view kHelp =
    "hashpost-sender - sends the JSON files of a folder, as sealed XML, to a receiver\n"
    "\n"
    "Usage: hashpost-sender [--once | --status | --retry | --check | --help | --version]\n"
    "\n"
    "Without an option it watches INPUT_DIR and delivers each *.json until SIGTERM. The input is never "
    "changed.\n"
    "SIGHUP has it read the key file, and those of certificates, again.\n"
    "What was delivered is not sent again until its content changes; what cannot be delivered is quarantined "
    "with a\n"
    "reason until it changes. docs/file-drop.md tells more.\n"
    "  --once     try every file once, then exit: for cron\n"
    "  --status   print what is pending, delivered and quarantined, and exit\n"
    "  --retry    let the files that were quarantined be tried again, and exit\n"
    "  --check    check the settings, print those in force, and exit\n"
    "\n"
    "Exit status: 0 done, and nothing is pending or quarantined; 1 (--once, --status) something is; 64 no "
    "such\n"
    "option; 69 failed, the log says why; 75 another sender is at work with this STATUS_DB_PATH; 78 a "
    "setting or\n"
    "the key is wrong.\n"
    "\n";

}  // namespace hashpost::sender
