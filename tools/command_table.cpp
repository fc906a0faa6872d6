#include "tools/command_table.hpp"

#include <algorithm>
#include <array>

namespace weave::tools {
namespace {

constexpr OptionText kJson{"--json", "", "print JSON instead of text"};

constexpr std::array kLaunchOptions{
    OptionText{"--no-restart", "", "a daemon that ends stays down"},
    OptionText{"--import", "<file>", "take over this database of Weave Net; none: start afresh"},
};
constexpr std::array kConnectOptions{OptionText{"--replace", "", "forget all hosts that are not named"}};
constexpr std::array kAttachOptions{
    OptionText{"--without-dns", "", "do not register the container's name"},
    OptionText{"--rewrite-hosts", "", "write address and name into the container's /etc/hosts"},
    OptionText{"--add-host", "<name>:<ip>", "write this line into the container's /etc/hosts as well"},
    OptionText{"--no-multicast-route", "", "no route for multicast through the overlay"},
    kJson,
};
constexpr std::array kExposeOptions{
    OptionText{"-h", "<fqdn>", "register this name for the address"},
    OptionText{"--without-masquerade", "", "traffic keeps its source address"},
    kJson,
};
constexpr std::array kNameOptions{OptionText{"-h", "<fqdn>", "the name (default: the container's own)"}};
constexpr std::array kJsonOptions{kJson};
constexpr std::array kStatusOptions{
    kJson, OptionText{"--check", "", "say what is not well, why, and what to do; exit status 0 only if all is"}};
constexpr std::array kReportOptions{OptionText{"-f", "<format>", "print this template instead of JSON"}, kJson};
constexpr std::array kResetOptions{OptionText{"--force", "", "also if the daemon does not run"}};
constexpr std::array kEnvOptions{OptionText{"--restore", "", "print what undoes an earlier 'eval $(weave env)'"}};

constexpr auto kScripts = Audience::scripts;
constexpr auto kOurselves = Audience::ourselves;

constexpr std::array kCommands{
    Command{.name = "version",
            .synopsis = "[--json]",
            .summary = "print the versions of the command and of the daemon",
            .details = "With --json: {\"command\", \"daemon\", \"running\"}.",
            .options = kJsonOptions,
            .run = run_version},
    Command{.name = "setup",
            .synopsis = "[--json]",
            .summary = "look whether this host is fit for weave",
            .details = "Kernel, firewall, ports, address range, clock and Docker, as 'weave doctor' does it. Nothing\n"
                       "is changed or fetched. Exit status 1 if something will not work.",
            .options = kJsonOptions,
            .run = run_setup},
    Command{.name = "launch",
            .synopsis = "[--password <p>] [--trusted-subnets <cidr>,...] [--host <ip_address>]\n"
                        "[--port <n>] [--name <mac>] [--nickname <name>]\n"
                        "[--no-restart] [--resume] [--no-discovery] [--no-dns]\n"
                        "[--dns-listen-address <ip_address>:<port>] [--ipalloc-init <mode>]\n"
                        "[--ipalloc-range <cidr>] [--ipalloc-default-subnet <cidr>]\n"
                        "[--plugin=false] [--no-multicast-route] [--mtu <n>]\n"
                        "[--log-level debug|info|warning|error] [<peer>...]",
            .summary = "start the daemon and join the named hosts",
            .details = "Returns when containers can be attached. Options may stand before and after hosts.\n"
                       "All other options are the daemon's: see weaver --help, or weaver(8).",
            .options = kLaunchOptions,
            .run = run_launch},
    Command{.name = "prime", .summary = "wait until addresses can be given out", .run = run_prime},
    Command{.name = "connect",
            .synopsis = "[--replace] <peer>...",
            .summary = "stay connected with more hosts",
            .details = "What is named here is remembered across restarts.",
            .options = kConnectOptions,
            .run = run_connect},
    Command{.name = "forget",
            .synopsis = "<peer>...",
            .summary = "no longer try to stay connected with these hosts",
            .operand = Operand::target,
            .run = run_forget},
    Command{.name = "attach",
            .synopsis = "[<addr>...] [--without-dns] [--rewrite-hosts] [--no-multicast-route]\n"
                        "[--add-host=<hostname>:<ip_address>...] [--json] <container_id>",
            .summary = "give a running container addresses in the overlay",
            .details = "Its interface there is ethwe. Prints the addresses. Without <addr> it is net:default.\n"
                       "With --json: {\"addresses\": [\"<cidr>\", ...]}.",
            .options = kAttachOptions,
            .operand = Operand::container,
            .run = run_attach},
    Command{.name = "detach",
            .synopsis = "[<addr>...] [--json] <container_id>",
            .summary = "take addresses of 'weave attach' away again",
            .details = "Without <addr>: all that were allocated for it. Prints the addresses.\n"
                       "With --json: {\"addresses\": [\"<cidr>\", ...]}.",
            .options = kJsonOptions,
            .operand = Operand::container,
            .run = run_detach},
    Command{.name = "expose",
            .synopsis = "[<addr>...] [-h <fqdn>] [--without-masquerade] [--json]",
            .summary = "give this host an address in the overlay",
            .details = "Prints the address. It is kept across restarts, until 'weave hide'.\n"
                       "With --json: {\"addresses\": [\"<cidr>\", ...]}.",
            .options = kExposeOptions,
            .run = run_expose},
    Command{.name = "hide",
            .synopsis = "[<addr>...] [--json]",
            .summary = "take addresses of 'weave expose' away again",
            .details = "Without <addr>: all that were allocated for it. Prints the addresses.\n"
                       "With --json: {\"addresses\": [\"<cidr>\", ...]}.",
            .options = kJsonOptions,
            .run = run_hide},
    Command{.name = "dns-args",
            .synopsis = "[<docker run arguments>] | --json",
            .summary = "print options for docker run that make a container ask weave's name server",
            .details = "For docker run $(weave dns-args) ... With the arguments of a docker run it gives options for\n"
                       "that: no search domain if one is given, and a host name after --name.\n"
                       "With --json: {\"dns\", \"search\"}.",
            .options = kJsonOptions,
            .run = run_dns_args},
    Command{.name = "dns-add",
            .synopsis = "[<ip_address>...] <container_id> [-h <fqdn>]\n"
                        "| <ip_address>... -h <fqdn>",
            .summary = "register a name by hand",
            .options = kNameOptions,
            .operand = Operand::container,
            .run = run_dns_add},
    Command{.name = "dns-remove",
            .synopsis = "[<ip_address>...] <container_id> [-h <fqdn>]\n"
                        "| <ip_address>... -h <fqdn>",
            .summary = "remove names registered for a container or an address",
            .options = kNameOptions,
            .operand = Operand::container,
            .run = run_dns_remove},
    Command{.name = "dns-lookup",
            .synopsis = "<name> | <ip_address> [--json]",
            .summary = "ask weave's name server",
            .details = "Prints one address (of a name) or name (of an address) a line.\n"
                       "With --json: {\"question\", \"answers\": [...]}.",
            .options = kJsonOptions,
            .run = run_dns_lookup},
    Command{.name = "status",
            .synopsis = "[targets | connections | peers | dns | ipam | flows] [--json]\n"
                        "| --check [--json]",
            .summary = "show what the daemon does",
            .details =
                "What is not well has a line 'Check: what: cause. Next: what to do'. With --json it prints the same\n"
                "part of what 'weave report' prints, and with --check as well what 'weave doctor --json' prints.\n"
                "Exit status of --check: 0 all is well, 1 something is worse than it could be, 2 something does\n"
                "not work, 3 the daemon cannot be asked.",
            .options = kStatusOptions,
            .operand = Operand::section,
            .run = run_status},
    Command{.name = "doctor",
            .synopsis = "[--json]",
            .summary = "look for what is wrong on this host and towards its peers, and say what to do",
            .details =
                "A line is: how bad (ok, note, warning, error), subject, what, why, and what to do next. What is\n"
                "worst stands at the end. Exit status 1 if there is an error. Works without the daemon.\n"
                "With --json: {\"ok\", \"findings\": [{\"severity\", \"subject\", \"text\", \"cause\", \"next\"}]},\n"
                "and ok says that there is no error.",
            .options = kJsonOptions,
            .run = run_doctor},
    Command{.name = "report",
            .synopsis = "[-f <format> | --json]",
            .summary = "print all that the daemon knows, as JSON or through a template",
            .details =
                "Templates are those of Go's text/template over the names of the JSON: fields, variables, if, with,\n"
                "range, len, index, printf, print, println, eq, ne, lt, le, gt, ge, and, or, not, and json.",
            .options = kReportOptions,
            .run = run_report},
    Command{.name = "ps",
            .synopsis = "[<container_id>...] [--json]",
            .summary = "list what is attached on this host",
            .details = "A line is: id, MAC, addresses. weave:expose is the host itself. Works without the daemon.\n"
                       "With --json: [{\"id\", \"interface\", \"mac\", \"addresses\": [...]}].",
            .options = kJsonOptions,
            .operand = Operand::container,
            .run = run_ps},
    Command{.name = "stop",
            .summary = "end the daemon",
            .details = "Containers keep their addresses; identity and addresses are kept for the next launch.",
            .run = run_stop},
    Command{.name = "reset",
            .synopsis = "[--force]",
            .summary = "leave the network for good",
            .details = "Gives this host's addresses to another one, ends the daemon, and removes everything it made.",
            .options = kResetOptions,
            .run = run_reset},
    Command{.name = "rmpeer",
            .synopsis = "<peer_id>...",
            .summary = "take over the addresses of a host that will not come back",
            .details = "On one host only for each that is lost.",
            .operand = Operand::peer,
            .run = run_rmpeer},
    Command{.name = "help",
            .synopsis = "[<command>]",
            .summary = "explain a command, or list them all",
            .operand = Operand::command,
            .run = run_help},

    Command{.name = "--help", .summary = "the same as weave help", .audience = kScripts, .run = run_help},
    Command{.name = "bridge-type",
            .synopsis = "[--json]",
            .summary = "print what containers hang on: bridge, bridged_fastdp or fastdp",
            .details = "bridge: without a kernel fast path. Exit status 1 and nothing if there is no bridge.\n"
                       "With --json: {\"type\"}.",
            .options = kJsonOptions,
            .audience = kScripts,
            .run = run_bridge_type},
    Command{.name = "docker-bridge-ip",
            .synopsis = "[--json]",
            .summary = "print the address of Docker's bridge, $DOCKER_BRIDGE or docker0",
            .details = "With --json: {\"address\"}.",
            .options = kJsonOptions,
            .audience = kScripts,
            .run = run_docker_bridge_ip},
    Command{.name = "attach-bridge",
            .synopsis = "[<bridge>]",
            .summary = "join another bridge of this host, usually Docker's, to the overlay",
            .details = "Undone by deleting the interface vethwebl<bridge>, and by 'weave reset'.",
            .audience = kScripts,
            .run = run_attach_bridge},
    Command{.name = "env",
            .synopsis = "[--restore]",
            .summary = "for eval $(weave env): there is no Docker API proxy, so it changes nothing",
            .options = kEnvOptions,
            .audience = kScripts,
            .run = run_proxy_settings},
    Command{.name = "config",
            .summary = "for docker $(weave config): there is no Docker API proxy",
            .audience = kScripts,
            .run = run_proxy_settings},
    Command{.name = "launch-router", .summary = "the same as launch", .audience = kScripts, .run = run_launch},
    Command{.name = "stop-router", .summary = "the same as stop", .audience = kScripts, .run = run_stop},
    Command{.name = "launch-plugin",
            .summary = "serve Docker again after 'weave stop-plugin' or 'weave launch --plugin=false'",
            .details = "Returns when the network weave is there. Kept across restarts of the daemon.",
            .audience = kScripts,
            .run = run_launch_plugin},
    Command{.name = "stop-plugin",
            .summary = "have the daemon go on without the Docker plugin",
            .details =
                "Removes the network weave, unless containers are on it: these go on. Nothing new can join, until\n"
                "'weave launch-plugin' or the next 'weave launch'; restarts of the daemon do not change that.",
            .audience = kScripts,
            .run = run_stop_plugin},
    Command{.name = "stop-proxy",
            .summary = "there is no Docker API proxy to stop",
            .audience = kScripts,
            .run = run_stop_proxy},
    Command{.name = "launch-proxy", .summary = "removed", .audience = kScripts, .run = run_removed},
    Command{.name = "proxy-env", .summary = "the same as env", .audience = kScripts, .run = run_proxy_settings},
    Command{.name = "proxy-config", .summary = "the same as config", .audience = kScripts, .run = run_proxy_settings},
    Command{.name = "run", .summary = "removed", .audience = kScripts, .run = run_removed},
    Command{.name = "start", .summary = "removed", .audience = kScripts, .run = run_removed},
    Command{.name = "restart", .summary = "removed", .audience = kScripts, .run = run_removed},
    Command{.name = "launch-dns", .summary = "removed", .audience = kScripts, .run = run_removed},
    Command{.name = "stop-dns", .summary = "removed", .audience = kScripts, .run = run_removed},
    Command{.name = "setup-cni", .summary = "not part of weave", .audience = kScripts, .run = run_removed},
    Command{.name = "boot", .summary = "", .audience = kOurselves, .run = run_boot},
    Command{.name = "supervise", .summary = "", .audience = kOurselves, .run = run_supervise},
    Command{.name = "stand-in", .summary = "", .audience = kOurselves, .run = run_stand_in},
    Command{.name = "run-daemon", .summary = "", .audience = kOurselves, .run = run_daemon},
    Command{.name = "managed-plugin", .summary = "", .audience = kOurselves, .run = run_managed_plugin},
};

constexpr std::array kArguments{
    Term{"<peer>", "<ip_address_or_fqdn>[:<port>]"},
    Term{"<cidr>", "<ip_address>/<routing_prefix_length>"},
    Term{"<addr>", "[ip:]<cidr> | net:<cidr> | net:default"},
    Term{"<peer_id>", "<nickname> or weave internal peer ID"},
    Term{"<format>", "template, such as '{{.Router.Name}}'"},
    Term{"<mode>", "consensus[=<count>], seed=<mac>,... or observer"},
};

constexpr std::array kEnvironment{
    Term{"WEAVE_PASSWORD", "launch: password of the network, see --password of weaver(8)"},
    Term{"WEAVE_PORT", "launch: port towards peers (6783)"},
    Term{"WEAVE_MTU", "launch: MTU of the network (computed)"},
    Term{"WEAVE_FAST_PATH", "launch: auto, openvswitch, bpf or none"},
    Term{"WEAVE_NO_FASTDP", "launch: if set, without a kernel fast path"},
    Term{"WEAVE_NO_BRIDGED_FASTDP", "launch: if set, containers hang on the Open vSwitch datapath itself"},
    Term{"WEAVE_NO_PLUGIN", "launch: if set, the same as --plugin=false"},
    Term{"WEAVE_DEBUG", "launch: if set, the log has everything"},
    Term{"WEAVE_STATUS_ADDR", "launch: where status and metrics are served (127.0.0.1:6782); empty: nowhere"},
    Term{"WEAVE_IMPORT", "launch: the same as --import"},
    Term{"WEAVE_HTTP_ADDR", "control API on TCP, for launch and for asking (the control socket)"},
    Term{"WEAVE_RUN_DIR", "where the control socket is (/run/weave)"},
    Term{"WEAVE_STATE_DIR", "where the state is (/var/lib/weave)"},
    Term{"WEAVE_WEAVER", "the daemon's program (beside weave, or in PATH)"},
    Term{"WEAVE_SUPERVISOR", "own: without systemd, though it is there"},
    Term{"WEAVE_WATCHDOG",
         "without systemd: after how many seconds without a sign of life the daemon is killed and started again (10; "
         "0: never)"},
    Term{
        "WEAVE_START_LIMIT",
        "with systemd: after how many seconds without being ready the daemon ends and is started again (30; 0: never)"},
    Term{"DOCKER_HOST", "where the Docker engine is (unix:///var/run/docker.sock)"},
    Term{"DOCKER_BRIDGE", "Docker's bridge, of docker-bridge-ip and attach-bridge (docker0)"},
};

constexpr std::array<std::string_view, 6> kSections{"targets", "connections", "peers", "dns", "ipam", "flows"};

} // namespace

std::span<Command const> commands() { return kCommands; }

Command const* find_command(std::string_view name) {
  auto const* const found = std::ranges::find(kCommands, name, &Command::name);
  return found == kCommands.end() ? nullptr : found;
}

std::span<Term const> argument_terms() { return kArguments; }
std::span<Term const> environment_terms() { return kEnvironment; }
std::span<std::string_view const> status_sections() { return kSections; }

} // namespace weave::tools
