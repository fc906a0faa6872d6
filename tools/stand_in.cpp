#include "tools/stand_in.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <map>
#include <memory>
#include <poll.h>
#include <set>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "base/http/client.hpp"
#include "base/http/server.hpp"
#include "base/whole_file.hpp"
#include "tools/command.hpp"
#include "tools/docker_answer.hpp"
#include "tools/docker_networks.hpp"
#include "tools/launch_plan.hpp"
#include "tools/process.hpp"
#include "tools/run_files.hpp"

namespace weave::tools {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kCommand = "stand-in";
constexpr std::string_view kInWaiting = "--in-waiting";
/// What it is called in lists of processes: ending all of weave by that name must not end it, or Docker would wait.
constexpr auto kName = "plugin-stand-in";
constexpr auto kLook = 1s;
/// How many looks go between questions to Docker.
constexpr int kLooksPerQuestion = 30;
constexpr auto kQuestionTime = 5s;
constexpr auto kRefusal = R"({"Err":"weave is not running on this host: start it with 'weave launch'"})";
constexpr auto kContentType = "application/vnd.docker.plugins.v1.1+json";

std::string record_file(Settings const& settings) { return settings.state_dir + "/released"; }

std::vector<std::string> arguments_of(Settings const& settings) {
  auto const plan = load_plan(settings.launch_file());
  return plan ? plan->daemon_arguments : std::vector<std::string>{};
}

/// Names the daemon that it stands in for.
std::string mark_of(Settings const& settings) { return fmt::format("--of={}", settings.run_dir); }

bool is_stand_in(pid_t pid, Settings const& settings) {
  return command_line_ends(pid, {std::string{kCommand}, mark_of(settings)});
}

std::vector<pid_t> stand_ins(Settings const& settings) {
  return find_processes([&](pid_t pid) { return is_stand_in(pid, settings); });
}

/// Which file that is; 0 for none.
ino_t inode(std::string const& path) {
  struct stat file {};
  return ::lstat(path.c_str(), &file) == 0 ? file.st_ino : 0;
}

bool append(std::string const& path, std::string const& line) {
  UniqueFd const file{::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
  return file && ::write(file.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size()) &&
         ::fdatasync(file.get()) == 0;
}

/// The process itself.
class StandIn {
 public:
  explicit StandIn(Settings const& settings) : settings_{settings} {}

  int run() {
    auto const arguments = arguments_of(settings_);
    auto const scope = argument_value(arguments, "--plugin-weave-scope", "local");
    auto const weave = argument_value(arguments, "--plugin-socket", "/run/docker/plugins/weave.sock");
    auto const sockets = plugin_sockets(arguments);
    for (auto const& path : sockets) {
      if (!listen(path, path == weave ? scope : "local")) return 1;
    }
    drivers_ = driver_names(sockets);
    signals_.async_wait([this](boost::system::error_code const&, int) { end(); });
    look();
    context_.run();
    return 0;
  }

 private:
  bool listen(std::string const& path, std::string const& scope) {
    http::ServerOptions options;
    options.idle_timeout = 0ms; // Docker does not expect a plugin to close
    auto handler = [this, scope](http::Request const& request, http::Responder responder) {
      responder.send(answer(request, scope));
    };
    auto& server = servers_.emplace_back(std::make_unique<http::Server>(context_, std::move(handler), options));
    if (!server->bind_unix(path, 0600)) return false;
    files_[path] = inode(path);
    return true;
  }

  http::Response answer(http::Request const& request, std::string const& scope) {
    if (request.path() == "/NetworkDriver.DeleteNetwork") looks_ = kLooksPerQuestion; // it may have been the last
    auto answer = stand_in_answer(request.path(), scope);
    if (answer.record && !append(record_file(settings_), released_line(request.path(), request.body))) {
      answer.body = "{}"; // the daemon finds out by itself, later
    }
    return {.status = answer.status, .headers = {{"Content-Type", kContentType}}, .body = answer.body + "\n"};
  }

  /// Whoever has taken a socket's place, as the service manager does, answers from now on.
  void look() {
    if (!std::ranges::all_of(files_, [](auto const& file) { return inode(file.first) == file.second; })) return end();
    if (++looks_ > kLooksPerQuestion) ask();
    timer_.expires_after(kLook);
    timer_.async_wait([this](boost::system::error_code const& error) {
      if (!error) look();
    });
  }

  /// A Docker without networks of ours has nothing to ask.
  void ask() {
    looks_ = 0;
    auto const engine = docker_endpoint(settings_);
    if (!engine) return;
    client_.request(*engine, {.method = "GET", .target = "/networks", .headers = {}, .body = {}}, kQuestionTime,
                    [this](Result<http::Response> const& answer) {
                      if (answer && answer->ok() && !names_network_of(drivers_, answer->body)) end();
                    });
  }

  void end() {
    for (auto& server : servers_) server->close();
    context_.stop();
  }

  Settings const& settings_;
  boost::asio::io_context context_;
  boost::asio::signal_set signals_{context_, SIGTERM, SIGINT};
  boost::asio::steady_timer timer_{context_};
  http::Client client_{context_};
  std::vector<std::unique_ptr<http::Server>> servers_;
  std::map<std::string, ino_t> files_;
  std::set<std::string> drivers_;
  int looks_ = 0; ///< since Docker was asked last
};

/// In a child: a session and signals of its own, and nothing open of what our caller has, its locks above all, but
/// `input`.
void leave_caller(int input = -1) {
  ::setsid();
  sigset_t none{};
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
  [[maybe_unused]] auto const root = ::chdir("/");
  auto const null = ::open("/dev/null", O_RDWR);
  ::dup2(input < 0 ? null : input, STDIN_FILENO);
  for (int const fd : {STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, fd);
  ::close_range(STDERR_FILENO + 1, ~0U, 0);
}

bool is_dead_socket(std::string const& path) { return inode(path) != 0 && !answers(path); }

int run_in_waiting(Settings const& settings) {
  char word = 0;
  ssize_t size = 0;
  while ((size = ::read(STDIN_FILENO, &word, 1)) < 0 && errno == EINTR) {
  }
  if (size != 0) return 0;
  while (PidFile::is_held(settings.pid_file())) std::this_thread::sleep_for(100ms); // the daemon lives on
  if (::access(settings.run_dir.c_str(), F_OK) != 0) return 0;
  auto const lock = DirectoryLock::acquire(settings.run_dir); // or launch, stop or reset are at work
  if (!lock) return 1;
  if (!std::ranges::any_of(plugin_sockets(arguments_of(settings)), is_dead_socket)) return 0;
  return start_stand_in(settings) ? 0 : 1;
}

std::vector<ReleasedCall> recorded(Settings const& settings) {
  return released_calls(whole_file(record_file(settings)));
}

void tell(Settings const& settings, std::vector<ReleasedCall> const& calls) {
  auto const sockets = plugin_sockets(arguments_of(settings));
  if (sockets.empty()) return;
  auto const endpoint = http::Endpoint::parse("unix://" + sockets.back());
  if (!endpoint) return;
  boost::asio::io_context context;
  http::Client client{context};
  for (auto const& call : calls) { // one after the other: an endpoint goes before its address
    http::Request request{.method = "POST", .target = call.path, .headers = {}, .body = call.body};
    client.request(*endpoint, std::move(request), 5s, [](Result<http::Response> const&) {});
    context.run();
    context.restart();
  }
}

} // namespace

StandInAnswer stand_in_answer(std::string_view path, std::string_view scope) {
  if (path.starts_with('/')) path.remove_prefix(1);
  for (auto const* method :
       {"NetworkDriver.DeleteEndpoint", "NetworkDriver.DeleteNetwork", "IpamDriver.ReleaseAddress"}) {
    if (path == method) return {.status = 200, .body = "{}", .record = true};
  }
  for (auto const* method : {"NetworkDriver.Leave", "IpamDriver.ReleasePool"}) {
    if (path == method) return {.body = "{}"};
  }
  if (path == "Plugin.Activate") return {.body = R"({"Implements":["NetworkDriver","IpamDriver"]})"};
  if (path == "NetworkDriver.GetCapabilities") {
    return {.body = fmt::format(R"({{"Err":"","Scope":"{}","ConnectivityScope":""}})", scope)};
  }
  if (path == "IpamDriver.GetCapabilities") {
    return {.body = R"({"RequiresMACAddress":false,"RequiresRequestReplay":false})"};
  }
  if (path == "IpamDriver.GetDefaultAddressSpaces") {
    return {.body =
                R"({"Error":"","LocalDefaultAddressSpace":"weavelocal","GlobalDefaultAddressSpace":"weaveglobal"})"};
  }
  if (path == "NetworkDriver.EndpointOperInfo") return {.body = R"({"Err":"","Value":{}})"};
  for (auto const* method : {"NetworkDriver.CreateNetwork", "NetworkDriver.CreateEndpoint", "NetworkDriver.Join",
                             "IpamDriver.RequestPool", "IpamDriver.RequestAddress"}) {
    if (path == method) return {.status = 500, .body = kRefusal};
  }
  return {.status = 404, .body = "404 page not found"};
}

std::string released_line(std::string_view path, std::string_view body) {
  auto line = fmt::format("{} {}", path, body);
  std::ranges::replace(line, '\n', ' ');
  return fmt::format("\n{}\n", line);
}

std::vector<ReleasedCall> released_calls(std::string_view record) {
  std::vector<ReleasedCall> calls;
  for (auto end = record.find('\n'); end != std::string_view::npos; end = record.find('\n')) {
    auto const line = record.substr(0, end);
    auto const space = line.find(' ');
    if (space != std::string_view::npos && stand_in_answer(line.substr(0, space), "local").record) {
      calls.push_back({.path = std::string{line.substr(0, space)}, .body = std::string{line.substr(space + 1)}});
    }
    record.remove_prefix(end + 1);
  }
  return calls;
}

bool start_stand_in(Settings const& settings) {
  auto const sockets = plugin_sockets(arguments_of(settings));
  if (sockets.empty()) return true;
  auto const child = ::fork();
  if (child < 0) return false;
  if (child == 0) {
    leave_caller();
    (void)become_program({own_program(), std::string{kCommand}, mark_of(settings)});
    ::_exit(1);
  }
  for (int look = 0; look < 300; ++look) {
    if (std::ranges::all_of(sockets, answers)) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

StandInWaiting start_stand_in_waiting(Settings const& settings) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  UniqueFd const theirs{ends[0]};
  UniqueFd ours{ends[1]};
  auto const child = ::fork();
  if (child < 0) return {};
  if (child > 0) return {.word = std::move(ours), .pid = child};
  leave_caller(theirs.get());
  ::unsetenv("WEAVE_PASSWORD");
  (void)become_program({own_program(), std::string{kCommand}, std::string{kInWaiting}, mark_of(settings)});
  ::_exit(1);
}

void end_stand_in_waiting(StandInWaiting const& waiting) {
  if (!waiting.word || ::write(waiting.word.get(), "E", 1) != 1) return;
  pollfd reader_gone{.fd = waiting.word.get(), .events = 0, .revents = 0};
  ::poll(&reader_gone, 1, 500);
}

bool has_stand_in(Settings const& settings) { return !stand_ins(settings).empty(); }

void end_stand_in(Settings const& settings) {
  for (auto const pid : stand_ins(settings)) {
    ::kill(pid, SIGTERM);
    for (int look = 0; look < 300 && is_stand_in(pid, settings); ++look) {
      if (look == 200) ::kill(pid, SIGKILL);
      std::this_thread::sleep_for(10ms);
    }
  }
}

void tell_released_later(Settings const& settings) {
  if (recorded(settings).empty()) return;
  auto const child = ::fork();
  if (child > 0) ::waitpid(child, nullptr, 0);
  if (child != 0) return;
  if (::fork() != 0) ::_exit(0); // the daemon, whose process we may be in, must not get a child it does not know
  leave_caller();
  for (int look = 0; look < 600 && !answers(settings.control_socket()); ++look) std::this_thread::sleep_for(100ms);
  if (!answers(settings.control_socket())) ::_exit(0); // the next launch will tell
  tell(settings, recorded(settings)); // read only now: the stand-in may have gone on until the daemon was there
  ::unlink(record_file(settings).c_str());
  ::_exit(0);
}

int run_stand_in(Invocation& call) {
  ::prctl(PR_SET_NAME, kName);
  std::ofstream{"/proc/self/oom_score_adj"} << "-1000\n"; // small, and all that is left when memory has run out
  if (call.take_flag(kInWaiting)) return run_in_waiting(call.settings);
  return StandIn{call.settings}.run();
}

} // namespace weave::tools
