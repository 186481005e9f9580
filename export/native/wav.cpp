#include "wav.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

static_assert(std::endian::native == std::endian::little, "WAV is little-endian, and so are we");

namespace torchbend {

namespace {

constexpr std::uint16_t kPcm = 1, kFloat = 3, kExtensible = 0xFFFE;

template <class Number>
Number number_at(const std::vector<char>& bytes, std::size_t at) {
  Number number{};
  if (at + sizeof number > bytes.size()) throw std::runtime_error("it ends within a header");
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

float sample_at(const std::vector<char>& bytes, std::size_t at, int format, int bits) {
  if (format == kFloat) return number_at<float>(bytes, at);
  // As the upper bits of 32, whatever the width.
  std::uint32_t word = 0;
  std::memcpy(reinterpret_cast<char*>(&word) + 4 - bits / 8, bytes.data() + at, bits / 8);
  return static_cast<float>(static_cast<std::int32_t>(word) / 2147483648.0);
}

Sound parse(const std::vector<char>& bytes) {
  if (bytes.size() < 12 || std::memcmp(bytes.data(), "RIFF", 4) != 0 ||
      std::memcmp(bytes.data() + 8, "WAVE", 4) != 0)
    throw std::runtime_error("it is no RIFF/WAVE file");
  Sound sound;
  int format = 0, channels = 0, bits = 0;
  for (std::size_t at = 12; at + 8 <= bytes.size();) {
    const std::string id(bytes.data() + at, 4);
    std::size_t size = number_at<std::uint32_t>(bytes, at + 4);
    at += 8;
    if (id == "fmt ") {
      format = number_at<std::uint16_t>(bytes, at);
      channels = number_at<std::uint16_t>(bytes, at + 2);
      sound.sample_rate = static_cast<int>(number_at<std::uint32_t>(bytes, at + 4));
      bits = number_at<std::uint16_t>(bytes, at + 14);
      if (format == kExtensible) format = number_at<std::uint16_t>(bytes, at + 24);
      const bool known = (format == kFloat && bits == 32) ||
                         (format == kPcm && (bits == 16 || bits == 24 || bits == 32));
      if (!known || channels == 0)
        throw std::runtime_error("its format (code " + std::to_string(format) + ", " +
                                 std::to_string(bits) +
                                 " bits) is neither PCM of 16, 24 or 32 bits nor 32-bit float");
    } else if (id == "data") {
      if (channels == 0) throw std::runtime_error("it has no format before its data");
      // A file that was not closed says 0 or too much; what is there is taken.
      if (size == 0 || size > bytes.size() - at) size = bytes.size() - at;
      const std::size_t width = static_cast<std::size_t>(bits) / 8, frame = width * channels;
      sound.channels.assign(channels, std::vector<float>(size / frame));
      for (int c = 0; c < channels; c++)
        for (std::size_t i = 0; i < size / frame; i++)
          sound.channels[c][i] = sample_at(bytes, at + i * frame + c * width, format, bits);
      return sound;
    }
    at += size + size % 2;
  }
  throw std::runtime_error("it has no data");
}

template <class Number>
void put(std::string& bytes, Number number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

}  // namespace

Sound read_wav(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  try {
    return parse(bytes);
  } catch (const std::runtime_error& e) {
    throw std::runtime_error("cannot read " + path + ": " + e.what());
  }
}

void write_wav(const std::string& path, const Sound& sound) {
  const auto channels = static_cast<std::uint16_t>(sound.channels.size());
  const auto frames = static_cast<std::uint32_t>(sound.frames());
  const auto rate = static_cast<std::uint32_t>(sound.sample_rate);
  const std::uint32_t size = frames * channels * 4u;
  std::string bytes = "RIFF";
  put<std::uint32_t>(bytes, 4 + (8 + 18) + (8 + 4) + 8 + size);
  bytes += "WAVEfmt ";
  put<std::uint32_t>(bytes, 18);
  put<std::uint16_t>(bytes, kFloat);
  put<std::uint16_t>(bytes, channels);
  put<std::uint32_t>(bytes, rate);
  put<std::uint32_t>(bytes, rate * channels * 4u);
  put<std::uint16_t>(bytes, static_cast<std::uint16_t>(channels * 4));
  put<std::uint16_t>(bytes, 32);
  put<std::uint16_t>(bytes, 0);
  bytes += "fact";
  put<std::uint32_t>(bytes, 4);
  put<std::uint32_t>(bytes, frames);
  bytes += "data";
  put<std::uint32_t>(bytes, size);
  bytes.reserve(bytes.size() + size);
  for (std::uint32_t i = 0; i < frames; i++)
    for (const auto& channel : sound.channels) put(bytes, channel[i]);
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path);
}

}  // namespace torchbend
