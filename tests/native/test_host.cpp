// The model and the host, on files whose sound can be computed on paper (make_models.py).
#include <atomic>
#include <cmath>
#include <thread>

#include "check.h"
#include "host.h"

using namespace torchbend;

static std::string file(const std::string& name) { return check::models + "/" + name + ".ts"; }

using Signal = std::vector<float>;

// Feeds whole signals to a host, `vector` frames at a time.
static std::vector<Signal> play(Host& host, const std::vector<Signal>& in, int vector) {
  const int frames = static_cast<int>(in[0].size());
  const int channels = host.params().out_channels * host.batches();
  std::vector<Signal> out(channels, Signal(frames, 99.0f));
  for (int at = 0; at + vector <= frames; at += vector) {
    std::vector<const float*> from;
    std::vector<float*> into;
    for (const auto& signal : in) from.push_back(signal.data() + at);
    for (auto& signal : out) into.push_back(signal.data() + at);
    host.process(from, into, vector);
  }
  host.wait();
  return out;
}

static Signal ramp(int frames, float start = 0.0f, float step = 1.0f) {
  Signal signal(frames);
  for (int i = 0; i < frames; i++) signal[i] = start + step * i;
  return signal;
}

CASE(a_file_is_asked_what_it_offers) {
  Model model;
  CHECK(!model.is_loaded());
  model.load(file("ratios"), 44100);
  CHECK(model.methods() == (std::vector<std::string>{"encode", "decode", "forward"}));
  const auto encode = model.method_params("encode");
  CHECK(encode && encode->in_channels == 1 && encode->in_ratio == 1);
  CHECK(encode && encode->out_channels == 2 && encode->out_ratio == 8);
  CHECK(!model.method_params("get_methods") && !model.method_params("absent"));
  CHECK(model.highest_ratio() == 8);
  CHECK(model.labels("decode", true) == (std::vector<std::string>{"last", "sum"}));
  CHECK(model.attributes().empty());  // "none" is none
  CHECK(model.sample_rate() == 0 && model.description().empty());

  model.load(file("attributes"), 44100);
  CHECK(model.sample_rate() == 48000);
  CHECK(model.attribute_types("pan") == (std::vector<int>{2, 2}));
  CHECK(model.takes_samples("curve", 0) && !model.takes_samples("gain", 0));
  CHECK(model.description().starts_with("{\"format\": 1"));
}

CASE(without_lists_buffers_tell) {
  Model model;
  model.load(file("legacy"), 44100);
  CHECK(model.methods() == std::vector<std::string>{"forward"});
  CHECK(model.attributes() == std::vector<std::string>{"offset"});
  CHECK(!model.labels("forward", true));
  CHECK(model.set("offset", {"1.5"}) == 0 && std::get<double>(model.get("offset")[0]) == 1.5);
}

CASE(attributes_are_set_from_text) {
  Model model;
  model.load(file("attributes"), 44100);
  CHECK(model.set("gain", {"0.250000"}) == 0 && model.get_text("gain") == "0.250000");
  CHECK(model.set("steps", {"-2.700000"}) == 0);
  CHECK(std::get<std::int64_t>(model.get("steps")[0]) == -2);
  CHECK(model.set("flip", {"0.000000"}) == 0 && model.get_text("flip") == "true");
  CHECK(model.set("flip", {"0"}) == 0 && model.get_text("flip") == "false");
  CHECK(model.set("shape", {"soft"}) == 0);
  CHECK(std::get<std::string>(model.get("shape")[0]) == "soft");
  CHECK(model.set("pan", {"0.5", "2"}) == 0 && model.get_text("pan") == "0.500000 2.000000");
  CHECK(model.set("gain", {"nan"}) == -1 && model.get_text("gain") == "0.250000");
  CHECK(model.set("shape", {"square"}) == -1);
  CHECK(check::raised<Error>([&] { model.set("pan", {"1"}); }) ==
        "wrong number of elements : setter seems to have 2, but 1 was given");
  CHECK(check::raised<Error>([&] { model.set("absent", {"1"}); }) ==
        "setter for attribute absent not found in model");
  CHECK(check::raised<std::invalid_argument>([&] { model.set("gain", {"loud"}); }) == "stof");
  model.reload();
  CHECK(model.get_text("gain") == "1.000000" && model.get_text("shape") == "hard");
}

CASE(arrays_are_lent_and_taken_back) {
  Host host;
  host.prepare("forward", 0);
  host.load(file("attributes"), 44100);
  host.play_in_place(4);
  Model& model = host.model();
  const Samples samples{.channels = 1, .frames = 4, .sample_rate = 8000, .data = {1, 2, 3, 6}};
  CHECK(model.set("curve", {"array"}, {{"curve#0", samples}}) == 0);
  CHECK(std::get<TensorValue>(model.get("curve")[0]).data == (std::vector<double>{1, 2, 3, 6}));
  CHECK(model.get_text("curve") == "Tensor(dim: 4)");
  CHECK(model.is_buffer_empty("table#0"));
  CHECK(model.set("table", {"array"}, {{"table#0", samples}}) == 0);
  CHECK(!model.is_buffer_empty("table#0"));
  CHECK(play(host, {Signal(4, 0.0f)}, 4)[0] == Signal(4, 6.0f));  // the two means
  CHECK(model.clear_buffer("table#0") == 0 && model.is_buffer_empty("table#0"));
  CHECK(check::raised<Error>([&] { model.set("table", {"array"}); }) ==
        "buffer for argument table#0 not found. Did you initialise it?");
}

CASE(what_a_model_does_wrong_is_said) {
  Model model;
  model.load(file("faulty/faulty"), 44100);
  CHECK(check::raised<Error>([&] { model.get("bare"); }) ==
        "could not access method get_bare from original script.");
  CHECK(check::raised<Error>([&] { model.get("missing"); }) ==
        "getter for attribute missing not found in model");
  CHECK(model.set("stubborn", {"1"}) == -1);
  const auto said = check::raised<Error>([&] { model.set("raising", {"1"}); });
  CHECK(said.starts_with("setter for raising failed : "));
  CHECK(said.find("not today") != std::string::npos);
  const auto load = check::raised<Error>([&] { model.load("/no/such.ts", 44100); });
  CHECK(load.starts_with("problem loading model /no/such.ts. Exception : "));
  CHECK(load.find('#') == std::string::npos);  // no stack frames
  CHECK(model.is_loaded() && model.attributes().size() == 6);  // still the one before
}

CASE(outputs_are_repeated) {
  Host host;
  host.prepare("encode", 0);
  host.load(file("ratios"), 44100);
  CHECK(host.buffer_size() == 8);
  host.play_in_place(24);
  const auto out = play(host, {ramp(24)}, 24);
  for (int group = 0; group < 3; group++)
    for (int i = 0; i < 8; i++) {
      CHECK(out[0][group * 8 + i] == group * 8 + 7);        // the last
      CHECK(out[1][group * 8 + i] == 8 * group * 8 + 28);   // the sum
    }
}

CASE(of_inputs_the_last_of_a_group_is_heard) {
  Host host;
  host.prepare("decode", 0);
  host.load(file("ratios"), 44100);
  host.play_in_place(16);
  const auto out = play(host, {ramp(16), ramp(16, 100)}, 16)[0];
  for (int group = 0; group < 2; group++)
    for (int i = 0; i < 8; i++) {
      const int last = group * 8 + 7;
      CHECK(out[group * 8 + i] == last + 10 * (100 + last) + i);
    }
}

CASE(a_thread_is_late_by_two_buffers_less_a_vector) {
  for (const int vector : {4, 8, 16}) {
    Host host;
    host.prepare("forward", 16);
    host.load(file("attributes"), 44100);
    CHECK(host.buffer_size() == 16);
    CHECK(host.model().set("gain", {"2"}) == 0);
    const auto out = play(host, {ramp(80, 1)}, vector)[0];
    const int late = 2 * 16 - vector;
    for (int i = 0; i < 80; i++) {
      const int n = i - late;  // 2 x[n] + x[n-1] / 2, of x[n] = n + 1
      CHECK(out[i] == (n < 0 ? 0.0f : 2.0f * (n + 1) + n / 2.0f));
    }
  }
}

CASE(in_place_it_is_late_by_what_it_waits_for) {
  Host host;
  host.prepare("forward", 0);
  host.load(file("ratios"), 44100);
  const auto out = play(host, {Signal(32, 1.0f)}, 2)[0];
  for (int i = 0; i < 32; i++)  // last + 10 * sum = 81, and the frame's number
    CHECK(out[i] == (i < 6 ? 0.0f : 81.0f + (i - 6) % 8));
}

CASE(the_buffer_fits_the_model) {
  Host host;
  host.prepare("forward", 3);
  host.load(file("ratios"), 44100);
  CHECK(host.buffer_size() == 8);
  CHECK(host.take_notes() ==
        std::vector<std::string>{"buffer size too small, switching to 8"});
  host.set_buffer_size(1000);
  CHECK(host.buffer_size() == 1024);
  host.set_buffer_size(0);
  CHECK(host.buffer_size() == 8);
  host.set_buffer_size(16);  // still in place: there is no way back to the thread
  const auto out = play(host, {Signal(32, 0.0f)}, 16)[0];
  for (int i = 0; i < 32; i++) CHECK(out[i] == i % 8);
}

CASE(batches_lie_side_by_side) {
  Host host(2);
  host.prepare("encode", 0);
  host.load(file("ratios"), 44100);
  const auto out = play(host, {Signal(8, 1.0f), Signal(8, 5.0f)}, 8);
  CHECK(out.size() == 4);
  CHECK(out[0] == Signal(8, 1.0f) && out[1] == Signal(8, 5.0f));    // the last, of each
  CHECK(out[2] == Signal(8, 8.0f) && out[3] == Signal(8, 40.0f));   // the sum, of each
  host.set_method("decode");
  const auto back =
      play(host, {Signal(8, 1.0f), Signal(8, 2.0f), Signal(8, 3.0f), Signal(8, 4.0f)}, 8);
  CHECK(back[0] == ramp(8, 31) && back[1] == ramp(8, 42));
}

CASE(a_method_that_is_not_there_is_forward) {
  Host host;
  host.prepare("nonsense", 0);
  host.load(file("ratios"), 44100);
  CHECK(host.method() == "forward" && host.params().out_ratio == 1);
  CHECK(host.take_notes() ==
        std::vector<std::string>{"method nonsense not found in model, using forward instead"});
  CHECK(host.set_method("decode"));    // two inlets
  CHECK(!host.set_method("decode"));
}

CASE(disabled_it_is_silent_and_takes_nothing_in) {
  Host host;
  host.prepare("forward", 0);
  host.load(file("attributes"), 44100);
  host.play_in_place(4);
  play(host, {Signal(4, 1.0f)}, 4);
  host.set_enabled(false);
  CHECK(play(host, {Signal(4, 7.0f)}, 4)[0] == Signal(4, 0.0f));
  host.set_enabled(true);
  CHECK(play(host, {Signal(4, 0.0f)}, 4)[0] == (Signal{0.5f, 0, 0, 0}));  // of the first 1
  CHECK(play(host, {Signal(4, 2.0f)}, 4)[0] == (Signal{2, 3, 3, 3}));
  host.reload();
  CHECK(play(host, {Signal(4, 0.0f)}, 4)[0] == Signal(4, 0.0f));  // the state starts over
}

CASE(a_failed_block_leaves_the_sound_as_it_was) {
  Host host;
  host.prepare("forward", 0);
  host.load(file("faulty/faulty"), 44100);
  host.play_in_place(4);
  CHECK(play(host, {Signal(4, 0.5f)}, 4)[0] == Signal(4, 0.5f));
  CHECK(host.take_errors().empty());
  CHECK(play(host, {Signal(4, 2.0f)}, 4)[0] == Signal(4, 0.5f));
  const auto errors = host.take_errors();
  CHECK(errors.size() == 1 && errors[0].find("starts too high") != std::string::npos);
  CHECK(host.take_errors().empty());
}

CASE(a_block_runs_in_inference_mode_and_a_setter_does_not) {
  Host host;
  host.load(file("faulty/faulty"), 44100);
  host.play_in_place(4);
  CHECK(host.model().set("kept", {"1"}) == 0);
  play(host, {Signal(4, 0.5f)}, 4);
  CHECK(check::raised<Error>([&] { host.model().set("kept", {"1"}); }).find("inference tensor") !=
        std::string::npos);
}

CASE(samples_that_are_kept_are_heard_to_be_gone) {
  Host host;
  host.load(file("faulty/faulty"), 44100);
  host.play_in_place(4);
  const Samples samples{.channels = 1, .frames = 2, .sample_rate = 8000, .data = {1, 2}};
  CHECK(host.model().set("borrowed", {"array"}, {{"borrowed#0", samples}}) == 0);
  CHECK(std::isnan(play(host, {Signal(4, 0.5f)}, 4)[0][0]));
}

CASE(a_block_that_does_not_fit_the_ratio_raises) {
  Model model;
  model.load(file("ratios"), 44100);
  Signal left(12), right(12), out(12, 3.0f);
  CHECK(check::raised<std::exception>([&] {
          model.perform({left.data(), right.data()}, {out.data()}, "decode", 1, 1, 12);
        }) != "(nothing was raised)");
  const auto error = model.perform({left.data()}, {out.data()}, "encode", 1, 2, 12);
  CHECK(error.has_value() && out == Signal(12, 3.0f));
}

CASE(inlets_and_outlets_that_are_not_there_are_silent) {
  Model model;
  model.load(file("legacy"), 44100);
  Signal only(4, 2.0f), out(4, 9.0f), more(4, 9.0f);
  CHECK(!model.perform({only.data()}, {out.data(), more.data()}, "forward", 1, 2, 4));
  CHECK(out == Signal(4, 2.0f) && more == Signal(4, 0.0f));
}

CASE(setters_wait_for_the_block) {
  Host host;
  host.prepare("forward", 64);
  host.load(file("attributes"), 44100);
  std::atomic<bool> done = false;
  std::thread knob([&] {
    for (int i = 0; i < 500; i++) host.model().set("gain", {i % 2 ? "0.5" : "2"});
    done = true;
  });
  Signal ones(64, 1.0f), out(64);
  while (!done) host.process({ones.data()}, {out.data()}, 64);
  knob.join();
  host.wait();
  for (int i = 0; i < 3; i++) host.process({ones.data()}, {out.data()}, 64);
  host.wait();
  CHECK(out == Signal(64, 1.0f));  // 0.5 + 0.5, the last setting
  CHECK(host.take_errors().empty());
}
