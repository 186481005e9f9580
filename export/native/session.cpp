#include "session.h"

#include <algorithm>
#include <random>

#include "text.h"
#include "wav.h"

namespace torchbend {

namespace {

// An array that a patch would name: [0.1 0.2] or @FILE.wav; nothing for any other word.
std::optional<Samples> array_of(const std::string& word) {
  if (word.size() >= 2 && word.front() == '[' && word.back() == ']') {
    Samples samples{.channels = 1, .sample_rate = 44100.0};
    for (const auto& item : split(word.substr(1, word.size() - 2), ' '))
      if (!item.empty()) samples.data.push_back(to_float(item));
    samples.frames = static_cast<int>(samples.data.size());
    return samples;
  }
  if (word.starts_with("@")) {
    const Sound sound = read_wav(word.substr(1));
    Samples samples{.channels = static_cast<int>(sound.channels.size()),
                    .frames = sound.frames(),
                    .sample_rate = static_cast<double>(sound.sample_rate)};
    for (const auto& channel : sound.channels)
      samples.data.insert(samples.data.end(), channel.begin(), channel.end());
    return samples;
  }
  return std::nullopt;
}

}  // namespace

std::string json_value(const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
  if (const auto* real = std::get_if<double>(&value)) return json_number(*real);
  if (const auto* text = std::get_if<std::string>(&value)) return json_text(*text);
  if (const auto* tensor = std::get_if<TensorValue>(&value)) {
    std::vector<std::string> shape, data;
    for (const auto size : tensor->shape) shape.push_back(std::to_string(size));
    for (const double item : tensor->data) data.push_back(json_number(item));
    return "{\"shape\": " + json_list(shape) + ", \"data\": " + json_list(data) + "}";
  }
  return "null";
}

std::string json_values(const std::vector<Value>& values) {
  std::vector<std::string> items;
  for (const auto& value : values) items.push_back(json_value(value));
  return json_list(items);
}

std::string json_texts(const std::vector<std::string>& texts) {
  std::vector<std::string> items;
  for (const auto& text : texts) items.push_back(json_text(text));
  return json_list(items);
}

std::unique_ptr<Host> open_host(const Options& options, int sample_rate) {
  if (options.threads > 0) set_threads(options.threads);
  auto host = std::make_unique<Host>(options.batches);
  // Asked before the host is, which would take `forward` for a method that is not there.
  Model model;
  model.load(options.files[0], sample_rate);
  std::string method = options.method;
  std::vector<std::string> playable;
  std::string list;
  for (const auto& name : model.methods()) {
    if (!model.method_params(name)) continue;
    playable.push_back(name);
    list += (list.empty() ? "" : ", ") + name;
  }
  const auto has = [&](const std::string& name) {
    return std::find(playable.begin(), playable.end(), name) != playable.end();
  };
  if (method.empty()) method = playable.size() == 1 ? playable[0] : "forward";
  if (playable.empty()) throw Error(options.files[0] + " has no method that nn~ can play");
  if (!has(method))
    throw Error(options.files[0] + " has no method " + method + "; it has: " + list);

  const int highest = model.highest_ratio();
  int block = options.block;
  if (block == 0) block = std::max(Host::kDefaultBufferSize, power_of_two(highest));
  host->prepare(method, options.buffered ? block : 0);
  host->load(options.files[0], sample_rate);
  if (!options.buffered) {
    const auto params = host->params();
    if (block % params.in_ratio != 0 || block % params.out_ratio != 0)
      throw Error("a block of " + std::to_string(block) + " frames is no multiple of the ratios " +
                  std::to_string(params.in_ratio) + " and " + std::to_string(params.out_ratio) +
                  " of " + method);
    host->play_in_place(block);
  }
  if (options.seed >= 0) set_seed(static_cast<std::uint64_t>(options.seed));
  return host;
}

int send_set(Model& model, const Message& message, bool pd) {
  const auto known = model.attributes();
  if (std::find(known.begin(), known.end(), message.name) == known.end())
    throw Error("argument name not settable in current model");
  std::vector<std::string> args;
  std::map<std::string, Samples> samples;
  for (std::size_t i = 0; i < message.args.size(); i++) {
    std::string word = message.args[i];
    const int element = static_cast<int>(i);
    if (const auto array = array_of(word)) {
      if (model.takes_samples(message.name, element))
        samples[Model::buffer_name(message.name, element)] = *array;
    } else if (pd && is_number(word)) {
      word = pd_text(to_float(word));
    }
    args.push_back(word);
  }
  return model.set(message.name, args, samples);
}

std::vector<float> white_noise(int frames, std::int64_t seed, int channel) {
  std::mt19937 draw(static_cast<std::uint32_t>(std::max<std::int64_t>(seed, 0) * 1000 + channel));
  std::vector<float> samples(static_cast<std::size_t>(frames));
  for (float& sample : samples)  // 24 bits, so that every value is a float
    sample = static_cast<float>(draw() >> 8) / 16777216.0f - 0.5f;
  return samples;
}

}  // namespace torchbend
