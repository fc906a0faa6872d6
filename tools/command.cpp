#include "tools/command.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "controller/api/messages.hpp"

namespace weave::tools {
namespace {

int run_help(Invocation& call) { return usage(call.err, 0); }

/// Names of the original whose part is not there yet, with the exit status that keeps scripts going: `eval $(weave
/// env)` and `$(weave dns-args)` are harmless where the service is off.
struct Missing {
  std::string_view name;
  int code = 1;
};

constexpr std::array kMissing{Missing{"attach-bridge"}, Missing{"bridge-type"},  Missing{"config"},
                              Missing{"env", 0},        Missing{"setup"},        Missing{"setup-cni"},
                              Missing{"launch-plugin"}, Missing{"launch-proxy"}, Missing{"stop-plugin"},
                              Missing{"stop-proxy"}};

constexpr std::array kCommands{
    Command{"launch",
            "[--password <p>] [--host <addr>] [--port <n>] [--name <mac>] [--nickname <name>]\n"
            "              [--no-restart] [--resume] [--no-discovery] [--ipalloc-init <mode>]\n"
            "              [--ipalloc-range <cidr>] [--ipalloc-default-subnet <cidr>] [--plugin=false]\n"
            "              [--no-multicast-route] [--mtu <n>] [--log-level debug|info|warning|error]\n"
            "              [<peer>...]                  (all options: weaver --help)",
            run_launch},
    Command{"launch-router", "", run_launch},
    Command{"connect", "[--replace] <peer>...", run_connect},
    Command{"forget", "<peer>...", run_forget},
    Command{"prime", "", run_prime},
    Command{"attach",
            "[<addr>...] [--without-dns] [--rewrite-hosts] [--no-multicast-route]\n"
            "              [--add-host=<hostname>:<ip_address>...] <container_id>",
            run_attach},
    Command{"detach", "[<addr>...] <container_id>", run_detach},
    Command{"expose", "[<addr>...] [-h <fqdn>] [--without-masquerade]", run_expose},
    Command{"hide", "[<addr>...]", run_hide},
    Command{"ps", "[<container_id>...] [--json]", run_ps},
    Command{"dns-args", "[<docker run arguments>]", run_dns_args},
    Command{"dns-add",
            "[<ip_address>...] <container_id> [-h <fqdn>]\n"
            "              | <ip_address>... -h <fqdn>",
            run_dns_add},
    Command{"dns-remove",
            "[<ip_address>...] <container_id> [-h <fqdn>]\n"
            "              | <ip_address>... -h <fqdn>",
            run_dns_remove},
    Command{"dns-lookup", "<name> | <ip_address>", run_dns_lookup},
    Command{"status", "[targets | connections | peers | dns | ipam | flows] [--json]", run_status},
    Command{"report", "[-f <format>]", run_report},
    Command{"rmpeer", "<peer_id>...", run_rmpeer},
    Command{"stop", "", run_stop},
    Command{"stop-router", "", run_stop},
    Command{"reset", "[--force]", run_reset},
    Command{"version", "", run_version},
    Command{"help", "", run_help},
    Command{"--help", "", run_help},
    Command{"supervise", "", run_supervise},
    Command{"run-daemon", "", run_daemon},
};

constexpr std::array kHidden{"launch-router", "stop-router", "--help", "supervise", "run-daemon"};

/// The daemon's arguments are its own business: these must reach it untouched.
bool passes_words_on(std::string_view name) { return name == "supervise" || name == "run-daemon"; }

int run_missing(Missing const& missing, std::ostream& err) {
  err << fmt::format("weave {}: not available in this version\n", missing.name);
  return missing.code;
}

} // namespace

bool Invocation::take_flag(std::string_view flag) { return std::erase(words, flag) != 0; }

std::span<Command const> commands() { return kCommands; }

int usage(std::ostream& err, int code) {
  err << "Usage:\n\n";
  for (auto const& command : kCommands) {
    if (std::ranges::find(kHidden, command.name) != kHidden.end()) continue;
    err << fmt::format("weave {}{}{}\n", command.name, command.synopsis.empty() ? "" : " ", command.synopsis);
  }
  err << "\nwhere <peer>    = <ip_address_or_fqdn>[:<port>]\n"
         "      <cidr>    = <ip_address>/<routing_prefix_length>\n"
         "      <addr>    = [ip:]<cidr> | net:<cidr> | net:default\n"
         "      <peer_id> = <nickname> or weave internal peer ID\n"
         "      <format>  = template, such as '{{.Router.Name}}'\n"
         "      <mode>    = consensus[=<count>], seed=<mac>,... or observer\n"
         "\nEnvironment: WEAVE_PASSWORD, WEAVE_PORT, WEAVE_MTU, WEAVE_FAST_PATH, WEAVE_NO_FASTDP, "
         "WEAVE_NO_BRIDGED_FASTDP,\n"
         "WEAVE_DEBUG and WEAVE_STATUS_ADDR of launch;\n"
         "WEAVE_HTTP_ADDR (control API on TCP, for launch and for asking), WEAVE_RUN_DIR (/run/weave),\n"
         "WEAVE_STATE_DIR (/var/lib/weave), WEAVE_WEAVER (the daemon's program), WEAVE_SUPERVISOR=own (without "
         "systemd)\n";
  return code;
}

int run_command_line(std::vector<std::string> words, Settings const& settings, std::ostream& out, std::ostream& err) {
  if (!words.empty() && words.front() == "--local") words.erase(words.begin()); // the original's "not in a container"
  if (words.empty()) return usage(err, 1);
  auto const name = words.front();
  words.erase(words.begin());
  auto const missing = std::ranges::find(kMissing, name, &Missing::name);
  auto const command = std::ranges::find(kCommands, name, &Command::name);
  if (missing == kMissing.end() && command == kCommands.end()) {
    err << fmt::format("Unknown weave command '{}'\n", name);
    return usage(err, 1);
  }
  if (!passes_words_on(name) && std::ranges::find(words, "--help") != words.end()) return usage(err, 0);
  if (missing != kMissing.end()) return run_missing(*missing, err);
  Invocation call{.words = std::move(words), .settings = settings, .out = out, .err = err};
  return command->run(call);
}

} // namespace weave::tools
