#include "host.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "text.h"

namespace torchbend {

Ring::Ring(int size) : memory_(static_cast<std::size_t>(size), 0.0f) {}

void Ring::put(const float* samples, int frames) {
  for (int i = 0; i < frames; i++) {
    memory_[head_] = samples[i];
    head_ = (head_ + 1) % memory_.size();
    if (full_) tail_ = (tail_ + 1) % memory_.size();
    full_ = head_ == tail_;
  }
}

void Ring::get(float* samples, int frames) {
  for (int i = 0; i < frames; i++) {
    if (!full_ && head_ == tail_) {
      samples[i] = 0.0f;
      continue;
    }
    samples[i] = memory_[tail_];
    tail_ = (tail_ + 1) % memory_.size();
    full_ = false;
  }
}

Host::Host(int batches) : model_(std::make_unique<Model>()), batches_(batches) {
  make_buffers();
}

Host::~Host() { wait(); }

void Host::wait() {
  if (thread_.joinable()) thread_.join();
}

void Host::prepare(const std::string& method, int buffer_size) {
  method_ = method;
  buffer_size_ = buffer_size;
}

void Host::load(const std::string& path, double sample_rate) {
  wait();
  auto model = std::make_unique<Model>();
  model->load(path, sample_rate);
  model_ = std::move(model);
  if (gpu_) model_->use_gpu(true);
  set_method(method_);
}

void Host::reload() { model_->reload(); }

bool Host::set_method(const std::string& method) {
  wait();
  auto params = model_->method_params(method);
  method_ = method;
  if (!params) {
    notes_.push_back("method " + method + " not found in model, using forward instead");
    method_ = "forward";
    params = model_->method_params(method_);
    if (!params) throw Error("forward method not found in model");
  }
  const bool changed = params->in_channels != params_.in_channels ||
                       params->out_channels != params_.out_channels;
  const int before = buffer_size_;
  params_ = *params;
  fit_buffer_size();
  if (changed || buffer_size_ != before ||
      in_blocks_.front().size() != static_cast<std::size_t>(buffer_size_))
    make_buffers();
  return changed;
}

void Host::set_buffer_size(int size) {
  wait();
  buffer_size_ = size;
  fit_buffer_size();
  make_buffers();
}

void Host::play_in_place(int size) {
  wait();
  threaded_ = false;
  buffer_size_ = size;
  make_buffers();
}

void Host::fit_buffer_size() {
  const int highest = model_->highest_ratio();
  if (buffer_size_ == 0) {
    threaded_ = false;
    buffer_size_ = highest;
  } else if (buffer_size_ < highest) {
    buffer_size_ = highest;
    notes_.push_back("buffer size too small, switching to " + std::to_string(highest));
  } else {
    buffer_size_ = power_of_two(buffer_size_);
  }
}

void Host::make_buffers() {
  const auto fill = [this](int channels, std::vector<Ring>& rings,
                           std::vector<std::vector<float>>& blocks,
                           std::vector<float*>& pointers) {
    const auto count = static_cast<std::size_t>(channels) * batches_;
    rings.assign(count, Ring(buffer_size_));
    blocks.assign(count, std::vector<float>(static_cast<std::size_t>(buffer_size_), 0.0f));
    pointers.clear();
    for (auto& block : blocks) pointers.push_back(block.data());
  };
  fill(params_.in_channels, in_rings_, in_blocks_, in_pointers_);
  fill(params_.out_channels, out_rings_, out_blocks_, out_pointers_);
}

bool Host::set_gpu(bool value) {
  if (value && !Model::has_gpu()) {
    gpu_ = false;
    return false;
  }
  if (value != gpu_) model_->use_gpu(value);
  gpu_ = value;
  return true;
}

void Host::play_block() {
  std::string error;
  try {
    error = model_->perform(in_pointers_, out_pointers_, method_, batches_,
                            params_.out_channels, buffer_size_)
                .value_or("");
  } catch (const std::exception& e) {
    error = std::string("model perform error: ") + e.what();
  }
  if (error.empty()) return;
  const std::lock_guard<std::mutex> lock(messages_mutex_);
  errors_.push_back(error);
}

void Host::process(const std::vector<const float*>& in, const std::vector<float*>& out,
                   int frames) {
  if (!model_->is_loaded() || !enabled_) {
    for (float* samples : out) std::fill_n(samples, frames, 0.0f);
    return;
  }
  for (std::size_t i = 0; i < in_rings_.size(); i++) in_rings_[i].put(in[i], frames);

  if (in_rings_.front().full()) {
    wait();
    for (std::size_t i = 0; i < in_rings_.size(); i++)
      in_rings_[i].get(in_blocks_[i].data(), buffer_size_);
    if (!threaded_) play_block();
    // In a thread, this is the block before; the first is silence.
    for (std::size_t i = 0; i < out_rings_.size(); i++)
      out_rings_[i].put(out_blocks_[i].data(), buffer_size_);
    if (threaded_) thread_ = std::thread(&Host::play_block, this);
  }

  for (int channel = 0; channel < params_.out_channels; channel++)
    for (int batch = 0; batch < batches_; batch++)
      out_rings_[static_cast<std::size_t>(batch) * params_.out_channels + channel].get(
          out[static_cast<std::size_t>(channel) * batches_ + batch], frames);
}

std::vector<std::string> Host::take_errors() {
  const std::lock_guard<std::mutex> lock(messages_mutex_);
  return std::exchange(errors_, {});
}

std::vector<std::string> Host::take_notes() { return std::exchange(notes_, {}); }

}  // namespace torchbend
