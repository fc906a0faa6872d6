#include "tools/documents/manual.hpp"

#include <array>

#include <fmt/format.h>

#include "tools/command_table.hpp"

namespace weave::tools {
namespace {

/// Text as roff shows it: nothing in it is a request or an escape.
std::string roff(std::string_view text) {
  std::string result;
  bool at_start = true;
  for (char const c : text) {
    if (at_start && (c == '.' || c == '\'')) result += "\\&";
    at_start = c == '\n';
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else if (c == '\'') {
      result += "\\(aq";
    } else {
      result += c;
    }
  }
  return result;
}

/// A page under construction.
class Page {
 public:
  Page(std::string_view name, std::string_view summary, std::string_view version) {
    text_ = fmt::format(".TH \"{}\" 8 \"\" \"weave {}\" \"System Administration\"\n", roff(name), roff(version));
    section("NAME");
    text_ += fmt::format("{} \\- {}\n", roff(name), roff(summary));
  }

  Page& section(std::string_view title) {
    text_ += fmt::format(".SH \"{}\"\n", title);
    return *this;
  }
  Page& paragraph(std::string_view text) {
    if (!text_.ends_with("\"\n")) text_ += ".PP\n"; // not after a heading
    text_ += roff(text) + "\n";
    return *this;
  }
  Page& item(std::string_view bold, std::string_view plain, std::string_view text) {
    text_ += fmt::format(".TP\n\\fB{}\\fR{}{}\n{}\n", roff(bold), plain.empty() ? "" : " ", roff(one_line(plain)),
                         roff(text));
    return *this;
  }
  Page& line(std::string_view text) {
    text_ += roff(text) + "\n";
    return *this;
  }
  Page& nested(std::span<OptionText const> options) {
    if (options.empty()) return *this;
    text_ += ".RS\n";
    for (auto const& option : options) item(option.name, option.value, option.help);
    text_ += ".RE\n";
    return *this;
  }
  Page& terms(std::span<Term const> terms) {
    for (auto const& term : terms) item(term.name, "", term.text);
    return *this;
  }
  Page& example(std::string_view text) {
    if (!text_.ends_with("\"\n")) text_ += ".PP\n";
    text_ += fmt::format(".nf\n.RS\n{}\n.RE\n.fi\n", roff(text));
    return *this;
  }
  [[nodiscard]] std::string const& text() const { return text_; }

 private:
  static std::string one_line(std::string_view text) {
    std::string result{text};
    for (auto& c : result) {
      if (c == '\n') c = ' ';
    }
    return result;
  }

  std::string text_;
};

void add_commands(Page& page, Audience audience) {
  for (auto const& command : commands()) {
    if (command.audience != audience || command.name.starts_with('-')) continue;
    page.item(fmt::format("weave {}", command.name), command.synopsis,
              fmt::format("{}{}.", static_cast<char>(command.summary[0] & ~0x20), command.summary.substr(1)));
    if (!command.details.empty()) page.line(command.details);
    page.nested(command.options);
  }
}

constexpr std::array kExitStatus{
    Term{"0", "Done, or there was nothing to do."},
    Term{"1", "Misuse, or it failed; stderr says why."},
    Term{"3", "launch: the daemon runs already. status --check: it does not."},
    Term{"4", "The service asked for is off in the running daemon."},
    Term{"5", "launch: the daemon runs, and Docker does not get the network weave."},
    Term{"7", "The daemon does not run (status: 1)."},
    Term{"28", "The daemon did not answer in time."},
};

constexpr std::array kFiles{
    Term{"/run/weave/control.sock", "Control socket of the daemon."},
    Term{"/run/docker/plugins/weave.sock, weavemesh.sock", "Where Docker finds its network and IPAM drivers."},
    Term{"/var/lib/weave", "Identity, addresses and what weave launch was told."},
    Term{"/run/weave/weaver.log", "The log, without systemd; with it: journalctl -u weave."},
};

} // namespace

std::string weave_manual(std::string_view version) {
  Page page{"weave", "one network for the containers of many Docker hosts", version};
  page.section("SYNOPSIS").paragraph("weave COMMAND [ARGUMENT]...");
  page.section("DESCRIPTION")
      .paragraph(
          "weave starts, asks and ends weaver(8), the daemon that joins the containers of this host with those "
          "of other hosts. Once it is launched, a container started with")
      .example("docker run --net=weave ...")
      .paragraph(
          "has an address in the network and reaches all others in it. weave help COMMAND explains one command.");
  add_commands(page.section("COMMANDS"), Audience::everyone);
  add_commands(
      page.section("COMMANDS FOR SCRIPTS")
          .paragraph("These are not listed by weave help. Most keep scripts going that were written for Weave Net."),
      Audience::scripts);
  page.section("ARGUMENTS").terms(argument_terms());
  page.section("ENVIRONMENT").terms(environment_terms());
  page.section("EXIT STATUS").terms(kExitStatus);
  page.section("FILES").terms(kFiles);
  page.section("EXAMPLES")
      .paragraph("Two hosts and a container on each that the other finds by name:")
      .example(
          "host1# weave launch\n"
          "host2# weave launch host1\n"
          "host1# docker run -d --net=weave -h web.weave.local $(weave dns-args) nginx\n"
          "host2# docker run --net=weave $(weave dns-args) -ti debian getent hosts web");
  page.section("SEE ALSO").paragraph("weaver(8), weave.service(8), docker(1)");
  return page.text();
}

std::string weaver_manual(std::string_view version, std::span<controller::Flag const> flags) {
  Page page{"weaver", "daemon of the container network weave", version};
  page.section("SYNOPSIS").paragraph("weaver [OPTION]... [PEER]...");
  page.section("DESCRIPTION")
      .paragraph(
          "weaver keeps this host in the network: it gossips with its peers, gives addresses out, answers for "
          "names, carries frames, and serves Docker as a network and IPAM driver. Usually weave launch of "
          "weave(8) starts it and hands its options on. Options and peers may stand in any order; of an option "
          "given twice the later one counts. Switches take =true or =false.");
  page.section("OPTIONS");
  for (auto const& flag : flags) {
    if (flag.apply == nullptr || flag.help == "no effect") continue;
    bool const has_default = !flag.fallback.empty() && flag.fallback != "false";
    page.item(flag.name, flag.kind == controller::Flag::Kind::value ? "VALUE" : "",
              has_default ? fmt::format("{} ({})", flag.help, flag.fallback) : std::string{flag.help});
  }
  page.section("EXIT STATUS")
      .item("0", "", "Ended by SIGTERM or SIGINT.")
      .item("1", "", "It could not start; the last line of the log says why.")
      .item("125", "", "Misuse.");
  page.section("FILES").terms(kFiles);
  page.section("SEE ALSO").paragraph("weave(8), weave.service(8)");
  return page.text();
}

std::string service_manual(std::string_view version) {
  Page page{"weave.service", "systemd units of the container network weave", version};
  page.section("SYNOPSIS").paragraph("weave.service, weave-plugin.socket");
  page.section("DESCRIPTION")
      .paragraph(
          "weave.service runs weaver(8) with the options and hosts of the last weave launch, which also enables "
          "and starts it; weave stop disables and stops it. So a host on which weave was launched has it back "
          "after a reboot, before Docker starts its containers, and a host on which it was stopped does not. "
          "The daemon is started again whenever it ends.")
      .paragraph(
          "weave-plugin.socket holds the sockets of Docker's drivers while the daemon starts, so that Docker "
          "waits for it a moment instead of failing. It is enabled and disabled together with weave.service.")
      .paragraph(
          "Where weave was never launched, systemctl enable --now weave.service starts it with the hosts of "
          "PEERS.");
  page.section("ENVIRONMENT")
      .paragraph("Read from /etc/default/weave and /etc/sysconfig/weave:")
      .item("PEERS", "", "Hosts to join, with blanks between, until the first weave launch names others.")
      .item("WEAVE_PASSWORD", "", "Password of the network, the same on all hosts.")
      .line("The other variables of weave(8) that launch reads count here as well.");
  page.section("EXAMPLES")
      .example("journalctl -u weave          # the log\nsystemctl status weave       # whether it runs");
  page.section("SEE ALSO").paragraph("weave(8), weaver(8), systemd.unit(5)");
  return page.text();
}

} // namespace weave::tools
