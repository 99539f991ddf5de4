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
    "What was delivered is not sent again until its content changes; what cannot be delivered is set aside "
    "with a\n"
    "reason until it changes. docs/file-drop.md tells more.\n"
    "  --once     try every file once, then exit: for cron\n"
    "  --status   print what is pending, delivered and set aside, and exit\n"
    "  --retry    let the files that were set aside be tried again, and exit\n"
    "  --check    check the settings, print those in force, and exit\n"
    "\n"
    "Settings (environment):\n"
    "  INPUT_DIR          the folder; needed\n"
    "  STATUS_DB_PATH     the folder of the sender's memory; needed; made if it is not there\n"
    "  ENCRYPTION_KEY     key file (/run/secrets/encryption_key); the first key in it seals\n"
    "  SCAN_INTERVAL      seconds between looks at the whole folder (10)\n"
    "  SENDER_PARALLEL    files in flight, 1 to 64 (4)\n"
    "  SENDER_MAX_GROWTH  bytes of XML for each byte of JSON, over 16 MiB; 0: any number (64)\n"
    "  RECEIVER_ADDRESS, RECEIVER_PORT, RECEIVER_URI    127.0.0.1, 8080, /upload\n"
    "  RECEIVER_SCHEME    http or https (http)\n"
    "  RECEIVER_CA_FILE   PEM file of the only CAs to trust for https (those of the system)\n"
    "  RECEIVER_CERT, RECEIVER_KEY    PEM files of the sender's own certificate (none)\n"
    "  RECEIVER_PROXY     http://host:port of a proxy (none; http_proxy and the like are ignored)\n"
    "  RECEIVER_CONNECT_SECONDS   to connect, TLS included (10)\n"
    "  RECEIVER_SILENT_SECONDS    without progress, and from the last byte to the end of the response (60)\n"
    "  LOG_LEVEL          debug, info, warning or error (info)\n"
    "\n"
    "Exit status: 0 done, and nothing is pending or set aside; 1 (--once, --status) something is; 64 no "
    "such\n"
    "option; 69 failed, the log says why; 75 another sender is at work with this STATUS_DB_PATH; 78 a "
    "setting or\n"
    "the key is wrong.\n";

}  // namespace hashpost::sender
