#include "options.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>

#include "text.h"

namespace torchbend {

const char* const kUsage = R"(bend-probe opens and plays a file as nn~ does.

  bend-probe info MODEL.ts
      what the file offers, as JSON
  bend-probe render MODEL.ts IN.wav OUT.wav
  bend-probe render MODEL.ts (--silence SECONDS | --noise SECONDS) OUT.wav
      plays sound through it; one line of JSON for each message, one at the end;
      status 2 if the model failed in a block
  bend-probe time MODEL.ts
      what blocks and setters cost, in milliseconds, as JSON

  --method NAME       the method to play (forward, or the only one)
  --block FRAMES      of a block (4096, or the largest ratio)
  --batch N           as many batches, as mc.nn~ plays (1)
  --threads N         for libtorch
  --seed N            of what the model and --noise draw
render:
  --set SECONDS:NAME=VALUE[,VALUE...]
                      at the first block that starts then or later; samples for a tensor
                      or an array are [0.1 0.2] or @FILE.wav
  --at SECONDS:reload | enable=0 | method=NAME | load=FILE | gpu=1 | bufsize=FRAMES
  --pd                numbers reach the model as Pd writes them: 1 as 1.000000
  --buffered          as nn~ with a buffer: a thread, late by two
  --vector FRAMES     that the host asks for at once, with --buffered (64)
  --rate HZ           without IN.wav (the model's, or 44100)
time:
  --blocks N          to measure (200)
  --set NAME=VALUE[,VALUE...]
                      a setter to measure; again with another value, they take turns
)";

namespace {

double number(const std::string& option, const std::string& text, double least) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(value >= least))
    throw Usage(option + " takes a number from " + json_number(least) + ", not '" + text + "'");
  return value;
}

// "1.5:gain=0.3,0.4", or without its time
Message parse_set(const std::string& text, bool timed) {
  Message message{.verb = "set"};
  std::string rest = text;
  if (timed) {
    const auto colon = rest.find(':');
    if (colon == std::string::npos) throw Usage("--set takes SECONDS:NAME=VALUE, not " + text);
    message.seconds = number("--set", rest.substr(0, colon), 0.0);
    rest = rest.substr(colon + 1);
  }
  const auto equals = rest.find('=');
  if (equals == std::string::npos || equals == 0)
    throw Usage("--set takes " + std::string(timed ? "SECONDS:" : "") + "NAME=VALUE, not " + text);
  message.name = rest.substr(0, equals);
  message.args = split(rest.substr(equals + 1), ',');
  return message;
}

Message parse_at(const std::string& text) {
  static const std::vector<std::string> verbs{"reload", "enable", "method",
                                              "load",   "gpu",    "bufsize"};
  const auto colon = text.find(':');
  if (colon == std::string::npos) throw Usage("--at takes SECONDS:MESSAGE, not " + text);
  Message message{.seconds = number("--at", text.substr(0, colon), 0.0)};
  const auto rest = text.substr(colon + 1);
  const auto equals = rest.find('=');
  message.verb = rest.substr(0, equals);
  if (equals != std::string::npos) message.args = {rest.substr(equals + 1)};
  if (std::find(verbs.begin(), verbs.end(), message.verb) == verbs.end() ||
      message.args.empty() != (message.verb == "reload"))
    throw Usage("--at knows reload, enable=0, method=NAME, load=FILE, gpu=1 and bufsize=FRAMES, "
                "not " + rest);
  return message;
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options options;
  if (argc < 2) throw Usage("what is to be done? info, render or time");
  options.command = argv[1];
  if (options.command != "info" && options.command != "render" && options.command != "time")
    throw Usage("there is no command " + options.command + "; there are info, render and time");
  const bool timed = options.command == "render";

  const auto whole = [](int& target, int least) {
    return [&target, least](const std::string& option, const std::string& text) {
      target = static_cast<int>(number(option, text, least));
    };
  };
  const std::map<std::string, std::function<void(const std::string&, const std::string&)>> valued{
      {"--method", [&](auto&, auto& text) { options.method = text; }},
      {"--block", whole(options.block, 1)},
      {"--vector", whole(options.vector, 1)},
      {"--batch", whole(options.batches, 1)},
      {"--threads", whole(options.threads, 1)},
      {"--blocks", whole(options.blocks, 1)},
      {"--rate", whole(options.rate, 1)},
      {"--seed",
       [&](auto& option, auto& text) {
         options.seed = static_cast<std::int64_t>(number(option, text, 0));
       }},
      {"--silence", [&](auto& option, auto& text) { options.silence = number(option, text, 0); }},
      {"--noise", [&](auto& option, auto& text) { options.noise = number(option, text, 0); }},
      {"--set", [&](auto&, auto& text) { options.messages.push_back(parse_set(text, timed)); }},
      {"--at", [&](auto&, auto& text) { options.messages.push_back(parse_at(text)); }},
  };
  for (int i = 2; i < argc; i++) {
    const std::string word = argv[i];
    if (const auto found = valued.find(word); found != valued.end()) {
      if (++i == argc) throw Usage(word + " takes a value");
      found->second(word, argv[i]);
    } else if (word == "--buffered") {
      options.buffered = true;
    } else if (word == "--pd") {
      options.pd = true;
    } else if (word.starts_with("--")) {
      throw Usage("there is no option " + word);
    } else {
      options.files.push_back(word);
    }
  }
  const bool made = options.silence > 0.0 || options.noise > 0.0;
  const std::size_t wanted = options.command != "render" ? 1 : made ? 2 : 3;
  if (options.files.size() != wanted)
    throw Usage(options.command + " takes " + std::to_string(wanted) + " file" +
                (wanted == 1 ? "" : "s") + ", and " + std::to_string(options.files.size()) +
                " were given");
  std::stable_sort(options.messages.begin(), options.messages.end(),
                   [](const Message& a, const Message& b) { return a.seconds < b.seconds; });
  return options;
}

}  // namespace torchbend
