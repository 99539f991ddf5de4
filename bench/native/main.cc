// hashpost-probe: what the parts by themselves can do on this machine, so that a figure of the whole can be
// held against it; and stores of a known content for the benchmarks. Each answer is one line of JSON.

#include <getopt.h>
#include <sysexits.h>

#include <charconv>
#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <string_view>

#include "bench/native/bench_message.h"
#include "bench/native/disk_probe.h"
#include "bench/native/fill.h"
#include "bench/native/lmdb_probe.h"

namespace hashpost::bench {
namespace {

constexpr std::string_view kHelp =
    "hashpost-probe - what disk and LMDB can do here, and stores for benchmarks\n"
    "\n"
    "Usage: hashpost-probe COMMAND [OPTION…]\n"
    "\n"
    "  put-loop   puts --count new messages in durable commits of --batch, sorted: messages per second\n"
    "  put-one    puts --count messages, a durable commit each: p50 and p99 of put and commit\n"
    "  fdatasync  appends --bytes and syncs, --count times: p50 and p99 of the sync; file system\n"
    "  fill       stores messages 0 to --count - 1 of the series in --folder, in the format of Hashpost\n"
    "  digests    prints the digests of --sample messages of those, spread evenly, one in a line\n"
    "\n"
    "Options:\n"
    "  --folder=F    of the store or file; made if missing (not for digests)\n"
    "  --count=N     (put-loop 200000, put-one 2000, fdatasync 1000, fill and digests 10000)\n"
    "  --batch=N     messages in a commit of put-loop (1024)\n"
    "  --bytes=N     of a message (64), or of a write of fdatasync (4096)\n"
    "  --seed=WORD   of the series (fill and digests: bench; put-…: the time, so that they are new)\n"
    "  --sample=N    (10000)\n"
    "  --overwrite   fdatasync: of bytes that the file has already\n"
    "\n"
    "Message i of a series is the seed, a dash and i in decimal, zeros before it, --bytes bytes in all.\n";

struct Options {
  std::string folder;
  std::string seed;
  std::uint64_t count = 0;
  std::uint64_t batch = 1024;
  std::uint64_t bytes = 0;
  std::uint64_t sample = 10000;
  bool overwrite = false;
};

struct UsageError {
  std::string sentence;
};

std::uint64_t Number(std::string_view name, std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value == 0) {
    throw UsageError{"--" + std::string(name) + " must be a number above 0."};
  }
  return value;
}

Options ReadOptions(int argc, char** argv) {
  const option known[] = {
      {"folder", required_argument, nullptr, 0}, {"count", required_argument, nullptr, 0},
      {"batch", required_argument, nullptr, 0},  {"bytes", required_argument, nullptr, 0},
      {"seed", required_argument, nullptr, 0},   {"sample", required_argument, nullptr, 0},
      {"overwrite", no_argument, nullptr, 0},    {nullptr, 0, nullptr, 0}};
  Options options;
  std::map<std::string_view, std::uint64_t*> numbers = {{"count", &options.count},
                                                        {"batch", &options.batch},
                                                        {"bytes", &options.bytes},
                                                        {"sample", &options.sample}};
  int index = 0;
  while (true) {
    const int code = getopt_long(argc, argv, "", known, &index);
    if (code == -1) break;
    if (code != 0) throw UsageError{"See hashpost-probe --help."};
    const std::string_view name = known[index].name;
    if (name == "folder") {
      options.folder = optarg;
    } else if (name == "seed") {
      options.seed = optarg;
    } else if (name == "overwrite") {
      options.overwrite = true;
    } else {
      *numbers.at(name) = Number(name, optarg);
    }
  }
  if (optind < argc)
    throw UsageError{"What is " + std::string(argv[optind]) + "? See hashpost-probe --help."};
  return options;
}

std::string NewSeed() {
  return std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
}

// A number of 0 is one that was not given.
std::uint64_t Or(std::uint64_t value, std::uint64_t otherwise) {
  return value != 0 ? value : otherwise;
}

int Run(const std::string& command, const Options& given) {
  constexpr std::uint64_t kMessageBytes = 64;
  const Series fixed{given.seed.empty() ? "bench" : given.seed, Or(given.bytes, kMessageBytes)};
  const Series fresh{given.seed.empty() ? NewSeed() : given.seed, fixed.bytes};
  const std::map<std::string, std::function<void()>> commands = {
      {"put-loop",
       [&] { ProbePutLoop(given.folder, fresh, Or(given.count, 200000), given.batch, std::cout); }},
      {"put-one", [&] { ProbePutOne(given.folder, fresh, Or(given.count, 2000), std::cout); }},
      {"fdatasync",
       [&] {
         ProbeSync(given.folder, Or(given.bytes, 4096), Or(given.count, 1000), given.overwrite, std::cout);
       }},
      {"fill", [&] { Fill(given.folder, fixed, Or(given.count, 10000), std::cout); }},
      {"digests", [&] { PrintDigests(fixed, Or(given.count, 10000), given.sample, std::cout); }},
  };
  const auto found = commands.find(command);
  if (found == commands.end()) throw UsageError{"What is " + command + "? See hashpost-probe --help."};
  if (given.folder.empty() && command != "digests") throw UsageError{command + " needs --folder."};
  found->second();
  return std::cout.flush() ? EX_OK : EX_IOERR;
}

}  // namespace
}  // namespace hashpost::bench

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "--help";
  if (command == "--help") {
    std::cout << hashpost::bench::kHelp;
    return argc > 1 ? EX_OK : EX_USAGE;
  }
  try {
    return hashpost::bench::Run(command, hashpost::bench::ReadOptions(argc - 1, argv + 1));
  } catch (const hashpost::bench::UsageError& error) {
    std::cerr << error.sentence << "\n";
    return EX_USAGE;
  } catch (const std::exception& error) {
    std::cerr << "hashpost-probe: " << error.what() << "\n";
    return EX_IOERR;
  }
}
