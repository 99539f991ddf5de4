// hashpost-worker: the process that Apache talks to. Wiring only; each part says in its header what it does.

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "fcgi-worker/config.h"
#include "fcgi-worker/drop/upload.h"
#include "fcgi-worker/fcgi/server.h"
#include "fcgi-worker/resources/bulk.h"
#include "fcgi-worker/resources/health.h"
#include "fcgi-worker/resources/message.h"
#include "fcgi-worker/resources/messages.h"
#include "fcgi-worker/resources/problem_renderer.h"
#include "fcgi-worker/resources/problems_page.h"
#include "fcgi-worker/router.h"
#include "fcgi-worker/store_commands.h"
#include "fcgi-worker/supervision.h"
#include "lib/log/log.h"
#include "lib/memory/budget.h"
#include "lib/version/version.h"
#include "store/group_committer.h"
#include "store/lmdb_store.h"

namespace hashpost {
namespace {

constexpr std::string_view kHelp =
    "hashpost-worker - FastCGI worker of the Hashpost message service\n"
    "\n"
    "Usage: hashpost-worker [--check | --check-format | --check-store | --recover-store=FOLDER | --help | "
    "--version]\n"
    "\n"
    "Serves the FastCGI listening socket on descriptor 0; supervisord starts it (see supervisord.conf).\n"
    "  --check          check the settings, print those in force, and exit (78 if one is wrong)\n"
    "  --check-format   open the store as a start would, and exit (69 if this version cannot)\n"
    "  --check-store    the same, then read the whole store and hash every message (65 if anything is "
    "damaged)\n"
    "  --recover-store=FOLDER  copy what is whole in the store to a new one in FOLDER (65 if anything is "
    "missing);\n"
    "                   the store is only read, and no worker may run\n"
    "Signals: SIGTERM drains (open requests finish, connections go to a sibling worker), then exit 0.\n"
    "\n";

// As many connections as this process may have open files, two for each, less what it needs for itself: the
// store, logs, what a listening socket brings; a few for each upload (files without a name and folders) and
// for each bulk upload behind a web server that wants the response last.
std::size_t MaxConnections(const Config& config) {
  constexpr rlim_t kOwn = 64;
  constexpr rlim_t kFewest = 64;  // connections, below which nobody is served well
  constexpr rlim_t kMost = 65536;
  const rlim_t own = kOwn + 6 * config.file_uploads + 2 * config.bulk_uploads + 2 * fcgi::kSurplusConnections;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min(limit.rlim_max, kMost + own);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < own + 2 * kFewest) {
    throw ConfigError("The limit of open files is " + std::to_string(limit.rlim_cur) +
                      ", but must be at least " + std::to_string(own + 2 * kFewest) +
                      ": raise it (ulimit -n).");
  }
  return (limit.rlim_cur - own) / 2;
}

// Memory that runs out ends a worker in the middle of requests: a limit that is too small is told at the
// start.
void CheckMemoryLimit(const Config& config) {
  constexpr std::uint64_t kOwn = 64U << 20U;
  constexpr std::uint64_t kOfThread = 1U << 20U;
  constexpr std::uint64_t kOfUpload = 8U << 20U;
  const std::uint64_t threads = config.threads + 2 * config.blocking_threads + 8;
  const std::uint64_t uploads = config.bulk_uploads + config.file_uploads;
  const std::uint64_t wanted = kOwn + config.max_inflight_bytes + threads * kOfThread + uploads * kOfUpload;
  rlimit limit{};
  if (::getrlimit(RLIMIT_DATA, &limit) == 0 && limit.rlim_cur < wanted) {
    throw ConfigError("The limit of memory is " + std::to_string(limit.rlim_cur) +
                      " bytes, but must be at least " + std::to_string(wanted) +
                      " for these settings: raise it (ulimit -d), or lower HASHPOST_MAX_MESSAGE_BYTES, "
                      "HASHPOST_MAX_INFLIGHT_BYTES or the numbers of threads and uploads.");
  }
}

// supervisord reads our log from a pipe; if it does not, lines are lost rather than requests held up.
void DoNotWaitForTheLog() {
  struct stat log {};
  if (::fstat(STDERR_FILENO, &log) == 0 && S_ISFIFO(log.st_mode)) ::fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
}

// service/start-worker counts the starts that never came this far, and pauses before the next one.
void CountAsStarted(const Config& config) {
  const char* name = std::getenv("SUPERVISOR_PROCESS_NAME");
  if (name == nullptr) return;  // not under supervisord
  ::unlink((config.home + "/pool/" + name + ".failed-starts").c_str());
}

// A drop that cannot start keeps nobody from messages: its uploads are told so.
std::unique_ptr<drop::UploadResource> OpenUpload(const Config& config) {
  if (config.output_dir == "none")
    return std::make_unique<drop::UploadResource>(nullptr, drop::UploadResource::Off());
  drop::ReceiverOptions options{.folder = config.output_dir,
                                .key_file = config.decryption_key,
                                .state = config.data + "/drop",
                                .mode = config.file_mode,
                                .group = config.file_group,
                                .max_file_bytes = config.max_file_bytes,
                                .max_age = std::nullopt};
  if (config.token_max_age.count() > 0) options.max_age = config.token_max_age;
  std::unique_ptr<drop::FileReceiver> drop;
  try {
    drop = std::make_unique<drop::FileReceiver>(std::move(options));
  } catch (const std::exception& error) {
    log::Error("receiver", "The file drop does not start. " + std::string(error.what()) +
                               " The message service goes on; a reload tries again.");
  }
  return std::make_unique<drop::UploadResource>(std::move(drop), drop::UploadResource::Failed());
}

// Returns the exit status.
int Serve(const Config& config) {
  CheckMemoryLimit(config);
  store::LmdbStore store({.folder = config.data, .max_bytes = config.max_store_bytes});
  // Only now: until here nothing is lost if a signal ends the process, and opening may take long.
  BlockSignals();
  store.StartScrub([](const std::string& /*reason*/) { RequestFail(); });
  DoNotWaitForTheLog();
  // (With one I/O thread alone, reads would wait for the commit.)
  store::GroupCommitter committer(store, {.alone_at_once = config.threads > 1});
  memory::Budget budget(config.max_inflight_bytes);
  const resources::ProblemRenderer renderer([](const std::string& /*reason*/) { RequestFail(); });

  resources::FixedResponse health(R"({"msg":"Server is healthy","status_code":200})");
  resources::FixedResponse liveness(R"({"status":"alive"})");
  resources::Readiness readiness(store, committer, config.home, config.hang_seconds);
  resources::ProblemsPage problems;
  resources::Bulk bulk(store, budget, renderer, {config.max_message_bytes, config.max_bulk_bytes},
                       config.bulk_batch_lines);
  resources::Messages messages(store, committer, budget, renderer, config.max_message_bytes);
  resources::Message message(store, committer, budget, renderer, config.gzip);
  const std::unique_ptr<drop::UploadResource> upload = OpenUpload(config);
  Router router(renderer);
  router.AddStream("/messages", resources::Bulk::kMediaTypes, http::Lane::kBulk, bulk);
  router.Add("/messages", messages);
  router.Add(std::string(resources::Message::kPath), message);
  router.AddStream(std::string(drop::UploadResource::kPath), {}, http::Lane::kUpload, *upload);
  router.Add(std::string(drop::UploadResource::kPath), *upload);
  router.Add(std::string(resources::ProblemsPage::kPath), problems);
  router.Add("/", health);
  router.Add("/livez", liveness);
  router.Add("/readyz", readiness);

  fcgi::Server server({.listen_fd = STDIN_FILENO,
                       .io_threads = config.threads,
                       .blocking_threads = config.blocking_threads,
                       .bulk_threads = config.bulk_uploads,
                       .upload_threads = config.file_uploads,
                       .max_connections = MaxConnections(config),
                       .spool_folder = config.home + "/tmp",
                       .closing_file = config.home + "/closing"},
                      [&](const http::Request& request, bool content_has_come) {
                        return router.Find(request, content_has_come);
                      });
  CountAsStarted(config);
  log::Info("worker", "Ready, version " + std::string(kVersion) + ", store in " + config.data + ".");

  const Stop stop = WaitForStop(
      config.hang_seconds, [&] { server.Tick(fcgi::Server::Clock::now(), config.hang_seconds); },
      [&] { store.Maintain(); });
  log::Info("worker", stop == Stop::kDrain ? "Draining." : "The store failed; handing over and ending.");
  const std::size_t left = server.Drain(config.drain_seconds);
  if (left == 0) committer.Finish();  // it may still be on its way out of the last answer
  if (left > 0) {
    log::Warning("worker", "The drain limit is over; " + std::to_string(left) + " connections are cut.");
    std::_Exit(EX_TEMPFAIL);  // threads still wait on their clients
  }
  log::Info("worker", "Drained; ending.");
  return stop == Stop::kDrain ? EX_OK : EX_IOERR;
}

int Run(std::string_view option) {
  if (option == "--help") {
    std::cout << kHelp << ListSettings<WorkerSettings>();
    return EX_OK;
  }
  if (option == "--version") {
    std::cout << "hashpost-worker " << kVersion << "\n";
    return EX_OK;
  }
  if (!option.empty() && option != "--check" && !IsStoreCommand(option)) {
    std::cerr << "Unknown option " << option << ": see hashpost-worker --help.\n";
    return EX_USAGE;
  }
  const Config config = ReadConfig([](const char* name) -> const char* { return std::getenv(name); });
  if (option == "--check") {
    CheckMemoryLimit(config);
    std::cout << Describe(config);
    return EX_OK;
  }
  if (IsStoreCommand(option)) return RunStoreCommand(option, config);
  log::SetLevel(config.log_level);
  ::umask(027);
  return Serve(config);
}

}  // namespace
}  // namespace hashpost

int main(int argc, char** argv) {
  // Nothing that it may ever execute gains rights.
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (argc > 2) {
    std::cerr << "hashpost-worker takes one option at most; " << argv[2] << " is too much. See --help.\n";
    return EX_USAGE;
  }
  try {
    return hashpost::Run(argc > 1 ? argv[1] : "");
  } catch (const hashpost::ConfigError& error) {
    std::cerr << error.what() << "\n";
    return EX_CONFIG;
  } catch (const std::exception& error) {
    hashpost::log::Error("worker", error.what());
    return EX_UNAVAILABLE;
  }
}
