// bend-probe time: what a block costs, and what a setter costs between two blocks.
#include <algorithm>
#include <chrono>
#include <iostream>

#include "session.h"
#include "text.h"

namespace torchbend {

namespace {

constexpr int kWarmUp = 5;      // libtorch optimizes a method in its first calls
constexpr int kFewestSets = 12;  // of each attribute

template <class Call>
double milliseconds(Call&& call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

std::string json_percentiles(std::vector<double> costs) {
  if (costs.empty()) return "null";
  std::sort(costs.begin(), costs.end());
  const auto at = [&](double part) {
    return json_number(costs[static_cast<std::size_t>(part * (costs.size() - 1) + 0.5)]);
  };
  return "{\"p50\": " + at(0.5) + ", \"p90\": " + at(0.9) + ", \"p99\": " + at(0.99) +
         ", \"max\": " + at(1.0) + ", \"count\": " + std::to_string(costs.size()) + "}";
}

struct Setter {
  std::string name;
  std::vector<Message> messages;  // sent in turn
  std::vector<double> costs;
};

std::vector<Setter> setters_of(const std::vector<Message>& messages) {
  std::vector<Setter> setters;
  for (const auto& message : messages) {
    auto found = std::find_if(setters.begin(), setters.end(),
                              [&](const Setter& setter) { return setter.name == message.name; });
    if (found == setters.end()) found = setters.insert(setters.end(), {message.name, {}, {}});
    found->messages.push_back(message);
  }
  return setters;
}

std::string json_setter(const Setter& setter) {
  return "{\"name\": " + json_text(setter.name) +
         ", \"first_ms\": " + json_number(setter.costs[0]) +
         ", \"second_ms\": " + json_number(setter.costs[1]) + ", \"later_ms\": " +
         json_percentiles({setter.costs.begin() + 2, setter.costs.end()}) + "}";
}

}  // namespace

int run_time(const Options& options) {
  if (options.buffered) throw Usage("time measures blocks, and takes no --buffered");
  const int rate = options.rate > 0 ? options.rate : 44100;
  std::unique_ptr<Host> host;
  const double load_ms = milliseconds([&] { host = open_host(options, rate); });
  const int block = host->buffer_size();
  const auto& params = host->params();

  std::vector<std::vector<float>> in, out;
  std::vector<const float*> in_pointers;
  std::vector<float*> out_pointers;
  for (int i = 0; i < params.in_channels * options.batches; i++)
    in.push_back(white_noise(block, options.seed, i));
  out.assign(static_cast<std::size_t>(params.out_channels) * options.batches,
             std::vector<float>(static_cast<std::size_t>(block)));
  for (auto& samples : in) in_pointers.push_back(samples.data());
  for (auto& samples : out) out_pointers.push_back(samples.data());

  const auto play = [&] {
    const double cost = milliseconds([&] { host->process(in_pointers, out_pointers, block); });
    for (const auto& error : host->take_errors()) throw Error(error);
    return cost;
  };
  std::vector<std::string> warm_up;
  for (int i = 0; i < kWarmUp; i++) warm_up.push_back(json_number(play()));
  std::vector<double> plain, between_sets;
  for (int i = 0; i < options.blocks; i++) plain.push_back(play());

  auto setters = setters_of(options.messages);
  const std::size_t turns =
      setters.empty() ? 0
                      : std::max<std::size_t>(options.blocks, setters.size() * kFewestSets);
  for (std::size_t i = 0; i < turns; i++) {
    Setter& setter = setters[i % setters.size()];
    const Message& message = setter.messages[setter.costs.size() % setter.messages.size()];
    int code = 0;
    setter.costs.push_back(
        milliseconds([&] { code = send_set(host->model(), message, options.pd); }));
    if (code != 0) throw Error("setter for " + message.name + " failed");
    between_sets.push_back(play());
  }
  std::vector<std::string> table;
  for (const auto& setter : setters) table.push_back(json_setter(setter));

  std::cout << "{\"method\": " << json_text(host->method()) << ", \"block\": " << block
            << ", \"batches\": " << options.batches << ", \"torch\": "
            << json_text(torch_version()) << ",\n \"load_ms\": " << json_number(load_ms)
            << ",\n \"first_blocks_ms\": " << json_list(warm_up)
            << ",\n \"block_ms\": " << json_percentiles(plain)
            << ",\n \"block_between_sets_ms\": " << json_percentiles(between_sets)
            << ",\n \"sets\": " << json_list(table) << "}\n";
  return 0;
}

}  // namespace torchbend
