#include "base/logger.hpp"

#include <chrono>
#include <ctime>
#include <unistd.h>

namespace weave {
namespace {

std::string_view level_word(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "DEBU";
    case LogLevel::info: return "INFO";
    case LogLevel::warning: return "WARN";
    case LogLevel::error: return "ERRO";
    case LogLevel::fatal: return "FATA";
  }
  return "INFO";
}

std::string escaped(std::string_view line) {
  std::string text;
  text.reserve(line.size());
  for (auto const c : line) {
    auto const code = static_cast<unsigned char>(c);
    if (code < 0x20 || code == 0x7f) {
      text += fmt::format("\\x{:02x}", code);
    } else {
      text.push_back(c);
    }
  }
  return text;
}

std::string timestamp() {
  using namespace std::chrono;
  auto const now = system_clock::now();
  auto const seconds = system_clock::to_time_t(now);
  auto const micros = duration_cast<microseconds>(now.time_since_epoch()).count() % 1'000'000;
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return fmt::format("{:04}/{:02}/{:02} {:02}:{:02}:{:02}.{:06}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec, micros);
}

class StreamSink final : public LogSink {
 public:
  StreamSink(int fd, LogLevel threshold) : fd_{fd}, threshold_{threshold} {}

  bool wants(LogLevel level) const override { return level >= threshold_; }
  void write(LogLevel level, std::string_view line) override {
    auto const text = fmt::format("{}: {} {}\n", level_word(level), timestamp(), escaped(line));
    [[maybe_unused]] auto const written = ::write(fd_, text.data(), text.size());
  }

 private:
  int fd_;
  LogLevel threshold_;
};

} // namespace

std::optional<LogLevel> parse_log_level(std::string_view text) {
  if (text == "debug") return LogLevel::debug;
  if (text == "info") return LogLevel::info;
  if (text == "warning") return LogLevel::warning;
  if (text == "error") return LogLevel::error;
  return std::nullopt;
}

void Logger::write(LogLevel level, std::string text) const {
  sink_->write(level, subject_.empty() ? text : subject_ + text);
}

std::shared_ptr<LogSink> make_stream_sink(int fd, LogLevel threshold) {
  return std::make_shared<StreamSink>(fd, threshold);
}

} // namespace weave
