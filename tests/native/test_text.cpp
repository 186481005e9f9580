// Parsing, rings and WAV files: what needs no model.
#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>
#include <numbers>

#include "check.h"
#include "host.h"
#include "text.h"
#include "wav.h"

using namespace torchbend;

CASE(a_bool_is_true_unless_it_is_0_or_false) {
  CHECK(!to_bool("0"));
  CHECK(!to_bool("false"));
  for (const char* word : {"1", "true", "0.000000", "False", "", "off", "0 "}) CHECK(to_bool(word));
}

CASE(an_int_is_what_a_number_starts_with) {
  CHECK(to_int("0.000000") == 0);
  CHECK(to_int("-2.700000") == -2);
  CHECK(to_int("1e3") == 1);
  CHECK(check::raised<std::invalid_argument>([] { to_int("soft"); }) == "stoi");
  CHECK(check::raised<std::out_of_range>([] { to_int("3000000000"); }) == "stoi");
}

CASE(a_float_may_be_no_number) {
  CHECK(to_float("0.250000") == 0.25f);
  CHECK(to_float("0.1") == 0.1f);
  CHECK(std::isnan(to_float("nan")));
  CHECK(std::isinf(to_float("-inf")));
  CHECK(check::raised<std::invalid_argument>([] { to_float(""); }) == "stof");
  CHECK(check::raised<std::out_of_range>([] { to_float("1e99"); }) == "stof");
}

CASE(pd_writes_six_decimals) {
  CHECK(pd_text(0.3f) == "0.300000");
  CHECK(pd_text(1.0f) == "1.000000");
  CHECK(pd_text(1e-7f) == "0.000000");
  CHECK(pd_text(20000.0f) == "20000.000000");
  CHECK(is_number("-1.5e3") && is_number("0"));
  CHECK(!is_number("nan") && !is_number("0x10") && !is_number("") && !is_number("soft"));
  CHECK(!is_number("1.2.3") && !is_number("-"));
}

CASE(sizes_grow_to_powers_of_two) {
  CHECK(power_of_two(0) == 1 && power_of_two(1) == 1 && power_of_two(2) == 2);
  CHECK(power_of_two(3) == 4 && power_of_two(1000) == 1024 && power_of_two(4096) == 4096);
}

CASE(json_can_be_read_back) {
  CHECK(json_text("a\"b\\c\n\x1f") == "\"a\\\"b\\\\c\\u000a\\u001f\"");
  CHECK(json_text("\xc3\xa9") == "\"\xc3\xa9\"");
  CHECK(json_number(0.5) == "0.5" && std::stod(json_number(0.1)) == 0.1);
  CHECK(json_number(std::numeric_limits<double>::infinity()) == "Infinity");
  CHECK(json_list({}) == "[]" && json_list({"1", "2"}) == "[1, 2]");
  CHECK(split("a,,b", ',') == (std::vector<std::string>{"a", "", "b"}));
}

CASE(a_full_ring_forgets_the_oldest) {
  Ring ring(4);
  const float samples[] = {1, 2, 3, 4, 5, 6};
  ring.put(samples, 3);
  CHECK(!ring.full());
  ring.put(samples + 3, 3);
  CHECK(ring.full());
  float out[6] = {};
  ring.get(out, 6);
  const float wanted[] = {3, 4, 5, 6, 0, 0};  // an empty one yields zeros
  for (int i = 0; i < 6; i++) CHECK(out[i] == wanted[i]);
  CHECK(!ring.full());
}

static std::string temporary(const std::string& bytes) {
  const std::string path = check::models + "/test.wav";
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

static std::string wav_of(int format, int channels, int bits, const std::string& data) {
  const auto number = [](unsigned value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; i++) text += static_cast<char>(value >> (8 * i) & 255);
    return text;
  };
  const int frame = channels * bits / 8;
  std::string body = "WAVEJUNK" + number(3, 4) + std::string(4, 'x');  // an odd chunk is padded
  body += "fmt " + number(16, 4) + number(format, 2) + number(channels, 2) + number(8000, 4) +
          number(8000 * frame, 4) + number(frame, 2) + number(bits, 2);
  body += "data" + number(static_cast<unsigned>(data.size()), 4) + data;
  return "RIFF" + number(static_cast<unsigned>(body.size()), 4) + body;
}

CASE(integer_samples_are_fractions_of_full_scale) {
  using namespace std::string_literals;
  const auto pcm16 = read_wav(temporary(wav_of(1, 2, 16, "\x00\x40\x00\x80\xff\x7f\x01\x00"s)));
  CHECK(pcm16.sample_rate == 8000 && pcm16.channels.size() == 2 && pcm16.frames() == 2);
  CHECK(pcm16.channels[0][0] == 0.5f && pcm16.channels[1][0] == -1.0f);
  CHECK(pcm16.channels[0][1] == 32767.0f / 32768 && pcm16.channels[1][1] == 1.0f / 32768);
  const auto pcm24 = read_wav(temporary(wav_of(1, 1, 24, "\x00\x00\xc0\x01\x00\x00"s)));
  CHECK(pcm24.frames() == 2 && pcm24.channels[0][0] == -0.5f);
  CHECK(pcm24.channels[0][1] == 1.0f / 8388608);
}

CASE(floats_come_back_as_they_went) {
  Sound sound{.sample_rate = 48000, .channels = {{0.1f, -3.5f, 1e-30f}, {0.0f, 1.0f, -0.0f}}};
  const std::string path = check::models + "/test.wav";
  write_wav(path, sound);
  const Sound back = read_wav(path);
  CHECK(back.sample_rate == 48000 && back.channels == sound.channels);
}

CASE(a_file_that_is_no_wav_is_named) {
  const auto reason = [](const std::string& bytes) {
    const std::string path = temporary(bytes);
    return check::raised<std::runtime_error>([&] { read_wav(path); });
  };
  CHECK(reason("RIFFxxxxAIFF").ends_with("test.wav: it is no RIFF/WAVE file"));
  CHECK(reason(wav_of(1, 1, 8, "abc")).find("8 bits) is neither") != std::string::npos);
  CHECK(reason(wav_of(1, 1, 16, "").substr(0, 40)).find("within a header") != std::string::npos);
  CHECK(reason(wav_of(1, 1, 16, "").substr(0, 48)).ends_with("it has no data"));
  CHECK(check::raised<std::runtime_error>([] { read_wav("/no/such.wav"); }) ==
        "cannot read /no/such.wav");
}
