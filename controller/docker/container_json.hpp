#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "controller/docker/container_engine.hpp"

namespace weave::controller::docker {

// Texts of the engine's interface about containers and events, API 1.21 to 1.52 (which has lost the old fields status,
// id and from of an event). Errors are malformed.
[[nodiscard]] Result<ContainerInfo> decode_container(std::string_view json);
[[nodiscard]] Result<EngineEvent> decode_event(std::string_view json);

/// Path and query of the stream of the events that decode_event knows.
[[nodiscard]] std::string events_target(std::optional<std::chrono::nanoseconds> since);

/// Cuts a stream into lines, however it was cut before. Value type.
class LineSplitter {
 public:
  using OnLine = std::function<void(std::string_view)>;

  explicit LineSplitter(std::size_t longest = std::size_t{1} << 20U) : longest_{longest} {}

  /// Calls for each line that is now complete, without its end; not for blank ones. Of a line that is too long only the
  /// first part is given.
  void push(std::string_view piece, OnLine const& on_line);

 private:
  void finish(OnLine const& on_line);

  std::size_t longest_;
  std::string begun_;
};

} // namespace weave::controller::docker
