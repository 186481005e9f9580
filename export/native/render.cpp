// bend-probe render: sound through a model, with messages on the way.
#include <algorithm>
#include <cmath>
#include <iostream>

#include "session.h"
#include "text.h"
#include "wav.h"

namespace torchbend {

namespace {

// The sound of every inlet, the batches of an inlet side by side. What the file does not have
// is silent, as an unconnected inlet is; a file with a channel for each inlet feeds all batches.
Sound inlets(const Options& options, Sound sound, const MethodParams& params) {
  const int frames = sound.frames();
  const int wanted = params.in_channels * options.batches;
  if (options.noise > 0.0) {
    sound.channels.clear();
    for (int i = 0; i < wanted; i++)
      sound.channels.push_back(white_noise(frames, options.seed, i));
    return sound;
  }
  const int given = static_cast<int>(sound.channels.size());
  if (given > wanted)
    throw Error(options.files[1] + " has " + std::to_string(given) + " channels, and " +
                "the method takes " + std::to_string(wanted));
  if (given == params.in_channels && options.batches > 1) {
    std::vector<std::vector<float>> channels;
    for (const auto& channel : sound.channels)
      channels.insert(channels.end(), static_cast<std::size_t>(options.batches), channel);
    sound.channels = std::move(channels);
  }
  sound.channels.resize(static_cast<std::size_t>(wanted),
                        std::vector<float>(static_cast<std::size_t>(frames), 0.0f));
  return sound;
}

Sound made_sound(const Options& options) {
  Sound sound;
  sound.sample_rate = options.rate;
  if (sound.sample_rate == 0) {
    Model model;
    model.load(options.files[0], 44100);
    sound.sample_rate = model.sample_rate() > 0 ? model.sample_rate() : 44100;
  }
  const double seconds = std::max(options.silence, options.noise);
  sound.channels = {
      std::vector<float>(static_cast<std::size_t>(std::lround(seconds * sound.sample_rate)))};
  return sound;
}

// Carries a message out and prints how it went. nn~ goes on whatever went wrong.
void carry_out(Host& host, const Message& message, const Options& options, int frame, int rate) {
  host.wait();  // a setter waits for the block in flight
  const MethodParams before = host.params();
  std::string code = "null", error = "null", value = "null";
  const auto flag = [&] { return std::stof(message.args[0]) != 0.0f; };
  try {
    if (message.verb == "set") {
      const int result = send_set(host.model(), message, options.pd);
      code = std::to_string(result);
      if (result != 0) error = json_text("setter for " + message.name + " failed");
    } else if (message.verb == "reload") {
      host.reload();
    } else if (message.verb == "enable") {
      host.set_enabled(flag());
    } else if (message.verb == "method") {
      host.set_method(message.args[0]);
    } else if (message.verb == "load") {
      host.load(message.args[0], rate);
    } else if (message.verb == "bufsize") {
      host.set_buffer_size(std::stoi(message.args[0]));
    } else if (!host.set_gpu(flag())) {
      error = json_text("GPU mode not available");
    }
  } catch (const std::exception& e) {
    error = json_text(e.what());
  }
  if (host.params().in_channels != before.in_channels ||
      host.params().out_channels != before.out_channels)
    throw Error(message.verb + " " + message.args[0] + " changes the numbers of inlets and " +
                "outlets, and a file cannot");
  if (message.verb == "set") {
    try {
      value = json_values(host.model().get(message.name));
    } catch (const std::exception& e) {
      if (error == "null") error = json_text(e.what());
    }
  }
  std::cout << "{\"event\": " << json_text(message.verb) << ", \"frame\": " << frame
            << ", \"name\": " << json_text(message.name)
            << ", \"args\": " << json_texts(message.args) << ", \"code\": " << code
            << ", \"error\": " << error << ", \"value\": " << value << "}\n";
}

}  // namespace

int run_render(const Options& options) {
  const bool made = options.files.size() == 2;
  Sound sound = made ? made_sound(options) : read_wav(options.files[1]);
  const auto host = open_host(options, sound.sample_rate);
  const Sound in = inlets(options, std::move(sound), host->params());
  const int frames = in.frames();

  Sound out;
  out.sample_rate = in.sample_rate;
  out.channels.assign(static_cast<std::size_t>(host->params().out_channels) * options.batches,
                      std::vector<float>(static_cast<std::size_t>(frames)));
  const int vector = options.buffered ? options.vector : host->buffer_size();
  // The last vector may reach past the end; what it brings there is dropped.
  std::vector<std::vector<float>> from(in.channels.size(), std::vector<float>(vector));
  std::vector<std::vector<float>> into(out.channels.size(), std::vector<float>(vector));
  std::vector<const float*> from_pointers;
  std::vector<float*> into_pointers;
  for (auto& samples : from) from_pointers.push_back(samples.data());
  for (auto& samples : into) into_pointers.push_back(samples.data());

  std::vector<std::string> errors;
  std::size_t next = 0;
  for (int at = 0; at < frames; at += vector) {
    for (; next < options.messages.size(); next++) {
      const Message& message = options.messages[next];
      if (std::llround(message.seconds * in.sample_rate) > at) break;
      carry_out(*host, message, options, at, in.sample_rate);
    }
    const int here = std::min(vector, frames - at);
    for (std::size_t i = 0; i < from.size(); i++) {
      std::fill(from[i].begin(), from[i].end(), 0.0f);
      std::copy_n(in.channels[i].begin() + at, here, from[i].begin());
    }
    host->process(from_pointers, into_pointers, vector);
    for (std::size_t i = 0; i < into.size(); i++)
      std::copy_n(into[i].begin(), here, out.channels[i].begin() + at);
    for (auto& error : host->take_errors()) errors.push_back(std::move(error));
  }
  host->wait();
  for (auto& error : host->take_errors()) errors.push_back(std::move(error));
  write_wav(options.files.back(), out);

  double peak = 0.0;
  bool finite = true;
  for (const auto& channel : out.channels) {
    for (const float sample : channel) {
      finite = finite && std::isfinite(sample);
      if (std::isfinite(sample)) peak = std::max(peak, std::abs(static_cast<double>(sample)));
    }
  }
  const std::size_t shown = std::min<std::size_t>(errors.size(), 3);
  std::cout << "{\"event\": \"done\", \"method\": " << json_text(host->method())
            << ", \"sample_rate\": " << out.sample_rate << ", \"frames\": " << frames
            << ", \"channels\": " << out.channels.size()
            << ", \"block\": " << host->buffer_size() << ", \"messages\": " << next
            << ", \"late_messages\": " << options.messages.size() - next
            << ", \"peak\": " << json_number(peak)
            << ", \"finite\": " << (finite ? "true" : "false") << ", \"errors\": " << errors.size()
            << ", \"first_errors\": "
            << json_texts({errors.begin(), errors.begin() + static_cast<std::ptrdiff_t>(shown)})
            << ", \"notes\": " << json_texts(host->take_notes()) << "}\n";
  return errors.empty() ? 0 : 2;
}

}  // namespace torchbend
