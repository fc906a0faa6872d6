#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "controller/api/messages.hpp"
#include "tools/daemon_answer.hpp"
#include "tools/process.hpp"

namespace weave::tools {
namespace {

struct DaemonVersion {
  std::string text;
  bool running = false;
};

/// Of the running daemon, else of the program that would run; nothing, and said on stderr, if there is none.
std::optional<DaemonVersion> daemon_version(Invocation& call) {
  auto const answer = ask_daemon_to_read(
      call.settings, [](ApiClient const& client) { return client.report("{{.Version}}", kAnswerTime); });
  if (answer && answer->ok()) return DaemonVersion{.text = answer->body, .running = true};
  auto const weaver = find_weaver(call.settings);
  if (!weaver) {
    call.err << "the daemon's program, weaver, is not installed\n";
    return std::nullopt;
  }
  auto const printed = run_program({*weaver, "--version"});
  if (!printed || printed->status != 0) {
    call.err << fmt::format("cannot run {}\n", *weaver);
    return std::nullopt;
  }
  auto text = printed->output.substr(0, printed->output.find('\n'));
  constexpr std::string_view kName = "weave ";
  if (text.starts_with(kName)) text.erase(0, kName.size());
  return DaemonVersion{.text = std::move(text), .running = false};
}

} // namespace

int run_version(Invocation& call) {
  bool const json = call.take_flag("--json");
  if (!call.words.empty()) return usage(call.err, 1);
  auto const own = controller::api::version();
  if (!json) call.out << fmt::format("weave script {}\n", own);
  auto const daemon = daemon_version(call);
  if (!daemon) return 1;
  if (json) {
    boost::json::object const object{{"command", own}, {"daemon", daemon->text}, {"running", daemon->running}};
    call.out << boost::json::serialize(object) << "\n";
  } else {
    call.out << fmt::format("weave {}\n", daemon->text);
  }
  return 0;
}

} // namespace weave::tools
