#include <utility>

#include "base/http/server.hpp"

namespace weave::http {

Responder& Responder::operator=(Responder&& other) noexcept {
  std::swap(sink_, other.sink_);
  return *this;
}

Responder::~Responder() {
  if (sink_) send(Response::text("the request was dropped\n", 500));
}

void Responder::send(Response response) {
  if (auto const sink = std::exchange(sink_, nullptr)) sink->deliver(std::move(response));
}

void Responder::on_abandoned(std::function<void()> call) {
  if (sink_) sink_->set_on_abandoned(std::move(call));
}

std::function<void(Response)> Responder::into_function() && {
  return [held = std::make_shared<Responder>(std::move(*this))](Response response) { held->send(std::move(response)); };
}

} // namespace weave::http
