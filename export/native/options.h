// The command line of bend-probe, and what happens at a moment of a rendering.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace torchbend {

/// A command line that cannot be understood.
class Usage : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A message to nn~: `set NAME V...`, `reload`, `enable 0`, `method M`, `load FILE`, ...
struct Message {
  double seconds = 0.0;
  std::string verb;
  std::string name;  ///< of the attribute, for `set`
  std::vector<std::string> args;
};

struct Options {
  std::string command;
  std::vector<std::string> files;
  std::string method;
  int block = 0;        ///< frames; 0: nn~'s own, or the largest ratio if that is more
  int vector = 64;      ///< frames that a host asks for at once, buffered
  bool buffered = false;
  int batches = 1;
  int threads = 0;      ///< 0: as libtorch likes
  std::int64_t seed = -1;  ///< -1: not seeded
  int blocks = 200;
  double silence = 0.0;  ///< seconds, in place of a file
  double noise = 0.0;    ///< seconds, in place of a file
  int rate = 0;          ///< Hz, without a file; 0: the model's, or 44100
  bool pd = false;       ///< numbers as Pd writes them
  std::vector<Message> messages;
};

extern const char* const kUsage;

Options parse_options(int argc, char** argv);

}  // namespace torchbend
