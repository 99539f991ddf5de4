#include "fcgi-worker/store_commands.h"

#include <sys/stat.h>
#include <sysexits.h>

#include <iostream>
#include <string>

#include "store/lmdb_store.h"
#include "store/recover.h"

namespace hashpost {
namespace {

constexpr std::string_view kCheckFormat = "--check-format";
constexpr std::string_view kCheckStore = "--check-store";
constexpr std::string_view kRecover = "--recover-store=";

store::LmdbStoreOptions Options(const Config& config) {
  return {.folder = config.data, .max_bytes = config.max_store_bytes};
}

int CheckStore(const Config& config) {
  store::LmdbStore store(Options(config));
  const store::Damage damage = store.CheckEverything();
  if (!damage.Any()) return EX_OK;
  std::cout << "The store in " << config.data << " is damaged: " << store::Describe(damage) << ".\n"
            << "docs/operations.md says what to do.\n";
  return EX_DATAERR;
}

int Recover(const Config& config, const std::string& into) {
  if (!into.starts_with('/')) {
    std::cerr
        << "--recover-store needs a new folder by its whole path, such as --recover-store=/srv/recovered.\n";
    return EX_USAGE;
  }
  const store::Recovery recovery = store::RecoverStore(config.data, into, config.max_store_bytes);
  std::cout << recovery.messages << " messages of commit " << recovery.transaction << " are in " << into
            << ".\n";
  if (recovery.may_be_older)
    std::cout
        << "A meta page cannot be used: what the commit after that one stored or deleted may be missing.\n";
  if (recovery.damage.Any()) std::cout << "Left behind: " << store::Describe(recovery.damage) << ".\n";
  return recovery.Complete() ? EX_OK : EX_DATAERR;
}

}  // namespace

bool IsStoreCommand(std::string_view option) {
  return option == kCheckFormat || option == kCheckStore || option.starts_with(kRecover);
}

int RunStoreCommand(std::string_view option, const Config& config) {
  ::umask(027);
  if (option == kCheckStore) return CheckStore(config);
  if (option.starts_with(kRecover)) return Recover(config, std::string(option.substr(kRecover.size())));
  const store::LmdbStore store(Options(config));
  return EX_OK;
}

}  // namespace hashpost
