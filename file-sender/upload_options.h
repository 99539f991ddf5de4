// What is the same for every transfer of the sender. libcurl's defaults that would let something outside
// these settings decide are switched off here: proxies and key logs that the environment names, the system's
// CAs beside one that was named, prompts on a terminal. Source:
// https://curl.se/libcurl/c/curl_easy_setopt.html

#pragma once

#include <curl/curl.h>

#include <array>
#include <memory>

#include "file-sender/config.h"
#include "file-sender/file_record.h"

namespace hashpost::sender {

using CurlHandle = std::unique_ptr<CURL, void (*)(CURL*)>;

// A new handle without any connection. Throws std::bad_alloc.
[[nodiscard]] CurlHandle NewCurlHandle();

// `receiver` lives longer than the options are used.
void SetUp(CURL* curl, const Receiver& receiver);

// The files that SetUp names: another stamp means that connections made with the old ones are not trusted any
// more.
using TlsFiles = std::array<FileStamp, 3>;
[[nodiscard]] TlsFiles StampTlsFiles(const Receiver& receiver);

// Whether the receiver's port begins a TLS handshake, whoever it is; for RECEIVER_SCHEME=http.
[[nodiscard]] bool SpeaksTls(const Receiver& receiver);

// Whether it responds to plain HTTP; for RECEIVER_SCHEME=https. Sends a request that says nothing.
[[nodiscard]] bool SpeaksPlainHttp(const Receiver& receiver);

// Whether libcurl can use that URL: a setting is refused at the start, and not at each upload.
[[nodiscard]] bool IsUrl(const std::string& url);

}  // namespace hashpost::sender
