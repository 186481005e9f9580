// Plays a model as nn~ does: sound comes in small vectors, the model wants large blocks.
//
// With a buffer size of 0 the model runs where the block fills, and its sound starts in the
// same vector. Otherwise a thread computes the block while the next one fills, and the sound
// is late by two buffers (less the vector in which the second one fills).
//
//   vectors in   |  block 0  |  block 1  |  block 2  |
//   thread       |           |  plays 0  |  plays 1  |
//   vectors out  |  silence  |  silence  |  sound 0  |
//
// This is nn~ 1.6 for Pd, told apart by one thing. For a model with one inlet and one outlet
// nn~ keeps buffers of 4096 frames, whatever size the object was made with: it is late by
// more than it should be for a smaller size, and writes past its memory for a larger one
// (the message `bufsize` makes them anew, and is safe). Here the buffers are as long as said.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "model.h"

namespace torchbend {

/// nn~'s ring: a full one forgets its oldest sample, an empty one yields zeros.
class Ring {
 public:
  explicit Ring(int size = 0);
  void put(const float* samples, int frames);
  void get(float* samples, int frames);
  bool full() const { return full_; }

 private:
  std::vector<float> memory_;
  std::size_t head_ = 0;  ///< where the next sample is written
  std::size_t tail_ = 0;  ///< where the next sample is read
  bool full_ = false;
};

class Host {
 public:
  static constexpr int kDefaultBufferSize = 4096;

  explicit Host(int batches = 1);
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  Model& model() { return *model_; }
  bool is_loaded() const { return model_->is_loaded(); }
  const std::string& method() const { return method_; }
  const MethodParams& params() const { return params_; }
  int buffer_size() const { return buffer_size_; }
  int batches() const { return batches_; }
  bool enabled() const { return enabled_; }
  bool uses_gpu() const { return gpu_; }

  /// Opens a file; throws Error and keeps the one before if that fails.
  void load(const std::string& path, double sample_rate);
  void reload();
  /// Takes `forward`, and says so in a note, if the model does not have the method; throws
  /// Error without either. True if the numbers of inlets and outlets changed.
  bool set_method(const std::string& method);
  /// 0 plays in place, from then on: nn~ never goes back to its thread.
  void set_buffer_size(int size);
  /// The size and method to load with, before a model is there.
  void prepare(const std::string& method, int buffer_size);
  /// Plays blocks of `size` frames in place; not a thing that nn~ can do.
  void play_in_place(int size);
  /// Off, all outputs are silent and nothing is taken in.
  void set_enabled(bool value) { enabled_ = value; }
  /// Returns false where there is no GPU.
  bool set_gpu(bool value);

  /// One vector. `in` and `out` hold each inlet's (outlet's) batches side by side.
  void process(const std::vector<const float*>& in, const std::vector<float*>& out, int frames);
  /// Waits for the block in the thread, if there is one.
  void wait();

  /// Errors of blocks since the last call, in order.
  std::vector<std::string> take_errors();
  /// What nn~ posts without calling it an error.
  std::vector<std::string> take_notes();

 private:
  void fit_buffer_size();
  void make_buffers();
  void play_block();

  std::unique_ptr<Model> model_;
  int batches_;
  std::string method_ = "forward";
  MethodParams params_{1, 1, 1, 1};
  int buffer_size_ = kDefaultBufferSize;
  bool threaded_ = true;
  bool enabled_ = true;
  bool gpu_ = false;

  std::vector<Ring> in_rings_, out_rings_;
  std::vector<std::vector<float>> in_blocks_, out_blocks_;
  std::vector<float*> in_pointers_, out_pointers_;
  std::thread thread_;

  std::mutex messages_mutex_;
  std::vector<std::string> errors_, notes_;
};

}  // namespace torchbend
