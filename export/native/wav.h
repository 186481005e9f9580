// WAV files: PCM of 16, 24 or 32 bits and 32-bit float in, 32-bit float out.
#pragma once

#include <string>
#include <vector>

namespace torchbend {

struct Sound {
  int sample_rate = 44100;
  std::vector<std::vector<float>> channels;
  int frames() const { return channels.empty() ? 0 : static_cast<int>(channels[0].size()); }
};

/// Throws std::runtime_error, which names the file and what is wrong with it.
Sound read_wav(const std::string& path);
void write_wav(const std::string& path, const Sound& sound);

}  // namespace torchbend
