#pragma once

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <future>
#include <string>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/unique_fd.hpp"
#include "test/fixtures/temporary_directory.hpp"

namespace weave::test {

/// The daemon's control thread: runs an io_context until destroyed. `run` executes there and waits.
class ControlThread {
 public:
  ControlThread() : work_{context.get_executor()}, thread_{[this] { context.run(); }} {}
  ~ControlThread() {
    work_.reset();
    context.stop();
    thread_.join();
  }
  template <class Call>
  auto run(Call call) {
    std::packaged_task<decltype(call())()> task{std::move(call)};
    auto result = task.get_future();
    boost::asio::post(context, [&task] { task(); });
    return result.get();
  }

  boost::asio::io_context context{1};

 private:
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::thread thread_;
};

/// A client that may misbehave: blocking, with a limit of five seconds on each read.
class RawClient {
 public:
  explicit RawClient(std::string const& path) : fd_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    connected_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    timeval const limit{.tv_sec = 5, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  [[nodiscard]] bool connected() const { return connected_; }
  void send(std::string const& text) {
    for (std::size_t sent = 0; sent < text.size();) {
      auto const count = ::send(fd_.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return;
      sent += static_cast<std::size_t>(count);
    }
  }
  void end_sending() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }
  /// Reads until `text` has been seen or the other side ends; everything read so far.
  std::string read_until(std::string const& text) {
    while (text.empty() || got_.find(text) == std::string::npos) {
      char piece[4096];
      auto const count = ::recv(fd_.get(), piece, sizeof piece, 0);
      if (count <= 0) {
        ended_ = count == 0 || errno == ECONNRESET;
        break;
      }
      got_.append(piece, static_cast<std::size_t>(count));
    }
    return got_;
  }
  std::string read_all() { return read_until({}); }
  /// The other side closed (rather than the read timing out).
  [[nodiscard]] bool ended() const { return ended_; }
  void forget() { got_.clear(); }

 private:
  UniqueFd fd_;
  std::string got_;
  bool connected_ = false;
  bool ended_ = false;
};

} // namespace weave::test
