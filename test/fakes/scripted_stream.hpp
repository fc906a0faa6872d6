#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gossip/transport.hpp"

namespace weave::test {

/// The remote's end of a fake ByteStream: a test plays the remote and the kernel, call by call. Outlives the stream.
class ScriptedRemote {
 public:
  explicit ScriptedRemote(std::string local = "192.0.2.1:6783", std::string remote = "192.0.2.2:45678")
      : state_{std::make_shared<State>()} {
    state_->local = std::move(local);
    state_->remote = std::move(remote);
  }

  /// The stream to hand to what is tested; once.
  [[nodiscard]] std::unique_ptr<gossip::ByteStream> stream() { return std::make_unique<Stream>(state_); }

  /// The remote sends.
  void sends(ByteView bytes) {
    if (state_->open) call()->on_bytes(bytes);
  }
  /// The kernel takes everything that was written.
  void drains() {
    if (state_->open) call()->on_drained();
  }
  void ends(std::string text) {
    if (!state_->open) return;
    auto const handlers = call();
    state_->open = false;
    handlers->on_closed({ErrorKind::unavailable, std::move(text)});
  }

  /// Whether our side still holds the stream open.
  [[nodiscard]] bool is_open() const { return state_->open; }
  /// Whether our side ended it in order: what it wrote still arrives.
  [[nodiscard]] bool is_finished() const { return state_->finished; }
  /// Everything written so far, taken out.
  [[nodiscard]] Bytes take_written() { return std::exchange(state_->written, {}); }

 private:
  struct State {
    std::string local;
    std::string remote;
    std::shared_ptr<gossip::ByteStream::Handlers> handlers;
    Bytes written;
    bool open = true;
    bool finished = false;
  };

  class Stream final : public gossip::ByteStream {
   public:
    explicit Stream(std::shared_ptr<State> state) : state_{std::move(state)} {}
    Stream(Stream const&) = delete;
    Stream& operator=(Stream const&) = delete;
    ~Stream() override { state_->open = false; }

    void start(Handlers handlers) override { state_->handlers = std::make_shared<Handlers>(std::move(handlers)); }
    void write(Bytes bytes) override { state_->written.insert(state_->written.end(), bytes.begin(), bytes.end()); }
    void finish() override {
      if (state_->open) state_->finished = true;
      state_->open = false;
    }
    [[nodiscard]] std::string local_text() const override { return state_->local; }
    [[nodiscard]] std::string remote_text() const override { return state_->remote; }
    [[nodiscard]] std::optional<Ipv4Endpoint> local() const override { return std::nullopt; }
    [[nodiscard]] std::optional<Ipv4Endpoint> remote() const override { return std::nullopt; }

   private:
    std::shared_ptr<State> state_;
  };

  /// Held while it runs: a handler may destroy the stream.
  [[nodiscard]] std::shared_ptr<gossip::ByteStream::Handlers> call() const { return state_->handlers; }

  std::shared_ptr<State> state_;
};

} // namespace weave::test
