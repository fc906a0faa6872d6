#include "base/async/asio_fd_watcher.hpp"

#include <memory>

#include <boost/asio/posix/stream_descriptor.hpp>

namespace weave {
namespace {

class Watched : public std::enable_shared_from_this<Watched> {
 public:
  Watched(boost::asio::any_io_executor const& executor, int fd, std::function<void()> call)
      : descriptor_{executor, fd}, call_{std::move(call)} {}
  Watched(Watched const&) = delete;
  Watched& operator=(Watched const&) = delete;
  ~Watched() { stop(); }

  void wait() {
    descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                           [self = shared_from_this()](boost::system::error_code const& error) {
                             if (error || self->stopped_) return;
                             self->call_();
                             if (!self->stopped_) self->wait();
                           });
  }
  void stop() {
    if (std::exchange(stopped_, true)) return;
    // Gives the descriptor back unclosed: it is only borrowed.
    descriptor_.release();
  }

 private:
  boost::asio::posix::stream_descriptor descriptor_;
  std::function<void()> call_;
  bool stopped_ = false;
};

} // namespace

FdWatch AsioFdWatcher::watch_readable(int fd, std::function<void()> call) {
  auto watched = std::make_shared<Watched>(executor_, fd, std::move(call));
  watched->wait();
  return FdWatch{[weak = std::weak_ptr{watched}] {
    if (auto const held = weak.lock()) held->stop();
  }};
}

} // namespace weave
