#include "controller/app/background_worker.hpp"

#include <boost/asio/post.hpp>

namespace weave::controller {

BackgroundWorker::~BackgroundWorker() {
  alive_.reset();
  thread_.stop();
  thread_.join();
}

void BackgroundWorker::enqueue(std::function<void()> job) { boost::asio::post(thread_, std::move(job)); }

void BackgroundWorker::answer(std::function<void()> call) { boost::asio::post(context_, std::move(call)); }

} // namespace weave::controller
