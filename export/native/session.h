// What the commands of bend-probe share: a host with a model in it, and messages to it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "host.h"
#include "options.h"

namespace torchbend {

std::string json_value(const Value& value);
std::string json_values(const std::vector<Value>& values);
std::string json_texts(const std::vector<std::string>& texts);

/// Opens the file and chooses method and block; throws Error with what there is to choose.
std::unique_ptr<Host> open_host(const Options& options, int sample_rate);

/// Sends `set`; returns the setter's code.
int send_set(Model& model, const Message& message, bool pd);

/// Noise between -0.5 and 0.5 that depends on the seed and the channel alone.
std::vector<float> white_noise(int frames, std::int64_t seed, int channel);

int run_info(const Options& options);
int run_render(const Options& options);
int run_time(const Options& options);

}  // namespace torchbend
