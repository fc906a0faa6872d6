// Writes the manual pages and the completions into a directory; run by the build.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <vector>

#include "controller/api/messages.hpp"
#include "controller/app/flags.hpp"
#include "tools/documents/completions.hpp"
#include "tools/documents/manual.hpp"

namespace {

using namespace weave;

/// What `weave launch` hands on: all that the daemon heeds when it runs as such.
std::vector<tools::OptionText> launch_options() {
  constexpr std::array<std::string_view, 7> kOthers{"--help",    "--version", "--print-peer-name", "--cleanup",
                                                    "--run-dir", "--import",  "--state-dir"};
  std::vector<tools::OptionText> options;
  for (auto const& flag : controller::flags()) {
    bool const heeded = flag.apply != nullptr && flag.help != "no effect" && !flag.help.starts_with("proxy: ");
    if (!heeded || std::ranges::find(kOthers, flag.name) != kOthers.end()) continue;
    bool const has_value = flag.kind == controller::Flag::Kind::value;
    auto const value = !has_value ? std::string_view{} : flag.name.ends_with("-file") ? "<file>" : "<value>";
    options.push_back({.name = flag.name, .value = value, .help = flag.help});
  }
  return options;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: weave-documents DIRECTORY\n";
    return 1;
  }
  std::filesystem::path const directory{argv[1]};
  auto const write = [&](char const* name, std::string const& text) {
    std::ofstream file{directory / name};
    file << text;
    file.close();
    if (!file) std::cerr << "cannot write " << directory / name << "\n";
    return !file.fail();
  };
  auto const version = controller::api::version();
  auto const options = launch_options();
  bool const written =
      write("weave.8", tools::weave_manual(version)) &&
      write("weaver.8", tools::weaver_manual(version, controller::flags())) &&
      write("weave.service.8", tools::service_manual(version)) && write("weave", tools::bash_completion(options)) &&
      write("_weave", tools::zsh_completion(options)) && write("weave.fish", tools::fish_completion(options));
  return written ? 0 : 1;
}
