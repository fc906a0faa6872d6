#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace weave {

enum class LogLevel { debug, info, warning, error, fatal };

/// "debug", "info", "warning", "error" (as the daemon's --log-level takes them).
[[nodiscard]] std::optional<LogLevel> parse_log_level(std::string_view text);

/// Where log lines go. `write` may be called from any thread and must not throw.
class LogSink {
 public:
  virtual ~LogSink() = default;
  [[nodiscard]] virtual bool wants(LogLevel level) const = 0;
  virtual void write(LogLevel level, std::string_view line) = 0;
};

/// A cheap value handed to each module: a sink plus the subject that its lines begin with ("->[192.0.2.1:6783]: ").
/// A default-constructed Logger discards everything.
class Logger {
 public:
  Logger() = default;
  explicit Logger(std::shared_ptr<LogSink> sink, std::string subject = {})
      : sink_{std::move(sink)}, subject_{std::move(subject)} {}

  /// The same sink with another subject put in front of each line, as given.
  [[nodiscard]] Logger with_subject(std::string subject) const { return Logger{sink_, std::move(subject)}; }

  template <class... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) const {
    log(LogLevel::debug, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) const {
    log(LogLevel::info, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void warning(fmt::format_string<Args...> format, Args&&... args) const {
    log(LogLevel::warning, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) const {
    log(LogLevel::error, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) const {
    if (sink_ && sink_->wants(level)) write(level, fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  void write(LogLevel level, std::string text) const;

  std::shared_ptr<LogSink> sink_;
  std::string subject_;
};

/// Writes `INFO: 2026/11/24 03:56:47.414853 message` (local time, microseconds) to a file descriptor with one write(2)
/// a line, so that lines of threads do not mix. Does not own the descriptor. Levels: DEBU INFO WARN ERRO FATA
/// (protocol/surfaces.md §3.3). Control characters from peers are printed escaped.
[[nodiscard]] std::shared_ptr<LogSink> make_stream_sink(int fd, LogLevel threshold);

} // namespace weave
