#include <iostream>

#include "tools/command.hpp"

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  auto const code =
      weave::tools::run_command_line(std::move(words), weave::tools::Settings::of_process(), std::cout, std::cerr);
  std::cout.flush();
  if (std::cout.good()) return code;
  std::cerr << "weave: the output cannot be written: is its disk full?\n";
  return 1;
}
