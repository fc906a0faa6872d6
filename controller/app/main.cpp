#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <span>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

#include <sodium/core.h>

#include "base/logger.hpp"
#include "base/random.hpp"
#include "controller/app/application.hpp"
#include "controller/app/data_plane.hpp"
#include "controller/app/host_facts.hpp"
#include "controller/app/identity.hpp"
#include "controller/app/local_ranges.hpp"
#include "controller/app/options.hpp"
#include "controller/app/start_advice.hpp"
#include "controller/store/stored_targets.hpp"
#include "datapath/link/address_set.hpp"
#include "datapath/link/firewall.hpp"
#include "datapath/link/firewalld.hpp"
#include "datapath/link/isolation.hpp"
#include "datapath/link/original_rules.hpp"

namespace weave::controller {
namespace {

int fatal(Logger const& logger, std::string const& text) {
  logger.log(LogLevel::fatal, "{}", text);
  return 1;
}

int end_early(EarlyExit const& exit, Logger const& logger) {
  switch (exit.stream) {
    case EarlyExit::Stream::output: std::cout << exit.text; break;
    case EarlyExit::Stream::error: std::cerr << exit.text; break;
    case EarlyExit::Stream::log: logger.log(LogLevel::fatal, "{}", exit.text); break;
  }
  return exit.code;
}

int print_peer_name(Options const& options) {
  auto name = options.name;
  // In the order of a start.
  if (!name) name = store::stored_peer_name(options.database()).value_or(std::nullopt);
  if (!name) name = peer_name_of_bridge(options.weave_bridge);
  SystemRandom random;
  if (!name) name = peer_name_of_host(options.host_root.empty() ? "/" : options.host_root, random);
  std::cout << name->to_string() << '\n';
  return 0;
}

int clean_up(Options const& options, Logger const& logger) {
  // First, as its rules refer to chains of ours.
  auto const original = datapath::remove_original_rules(
      {.bridge = options.weave_bridge, .docker_bridge = options.docker_bridge, .port = options.port});
  auto const rules = datapath::OverlayFirewall{}.remove();
  auto const devices = remove_data_plane(options.weave_bridge, options.datapath);
  // The ports are gone.
  auto const isolation = datapath::remove_isolation();
  auto const set = datapath::AddressSet::destroy(std::string{kLocalSet});
  auto const zone = datapath::leave_firewalld();
  if (!devices) return fatal(logger, devices.error().text());
  if (!original) return fatal(logger, original.error().text());
  if (!rules) return fatal(logger, rules.error().text());
  if (!isolation) return fatal(logger, isolation.error().text());
  if (!set) return fatal(logger, set.error().text());
  if (!zone) return fatal(logger, zone.error().text());
  return 0;
}

/// No core dump holds the password or what comes of it, and only root looks into this process.
void keep_memory_private() {
  rlimit const none{};
  (void)::setrlimit(RLIMIT_CORE, &none);
  (void)::prctl(PR_SET_DUMPABLE, 0);
}

int run(std::span<char*> words) {
  std::vector<std::string> arguments{words.begin() + 1, words.end()};
  auto options = parse_options(arguments, Environment::of_process());
  hide_password(words);
  for (auto& argument : arguments) ::explicit_bzero(argument.data(), argument.size());
  // Nothing that is started from here needs it.
  if (auto* const password = ::getenv("WEAVE_PASSWORD")) {
    ::explicit_bzero(password, std::strlen(password));
    ::unsetenv("WEAVE_PASSWORD");
  }
  Logger const logger{make_stream_sink(STDERR_FILENO, options ? options->log_level : LogLevel::info)};
  if (!options) return end_early(options.error(), logger);
  if (options->print_peer_name) return print_peer_name(*options);
  if (options->cleanup) return clean_up(*options, logger);
  if (options->password || !options->password_file.empty()) keep_memory_private();
  if (sodium_init() < 0) return fatal(logger, "libsodium cannot be initialised");
  logger.info("{}", options_line(*options));
  for (auto const& warning : options->warnings) logger.warning("{}", warning);
  Application application{*std::move(options), logger};
  auto const ended = application.run();
  if (!ended) return fatal(logger, ended.error().text() + start_advice(ended.error().text()));
  return *ended;
}

} // namespace
} // namespace weave::controller

int main(int argc, char** argv) {
  try {
    return weave::controller::run({argv, static_cast<std::size_t>(argc)});
  } catch (std::exception const& error) {
    std::fprintf(stderr, "FATA: %s\n", error.what());
    return 1;
  }
}
