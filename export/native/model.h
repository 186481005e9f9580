// A TorchScript file, opened and asked as nn~ 1.6 opens and asks it.
//
// The lookups, the order of the calls, what is held under the lock and what a failure says
// follow nn~'s sources (github.com/acids-ircam/nn_tilde); the code is our own. No header of
// libtorch is included here: one file of the host is compiled against it, and no other.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace torchbend {

/// What nn~ prints when it cannot do what was asked.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The buffer `<method>_params`.
struct MethodParams {
  int in_channels = 0;
  int in_ratio = 1;  ///< frames of sound for one frame of input
  int out_channels = 0;
  int out_ratio = 1;  ///< frames of sound for one frame of output
};

/// nn~'s codes in `<attribute>_params`.
enum class Type { kBool = 0, kInt = 1, kFloat = 2, kString = 3, kTensor = 4, kBuffer = 5 };
std::string type_name(int code);

struct TensorValue {
  std::vector<std::int64_t> shape;
  std::vector<double> data;
};

/// One element of what a getter returned; monostate is something that nn~ cannot read.
using Value =
    std::variant<std::monostate, bool, std::int64_t, double, std::string, TensorValue>;

/// Samples for an element of type tensor or array buffer: an array of Pd, a buffer~ of Max.
struct Samples {
  int channels = 1;
  int frames = 0;
  double sample_rate = 0.0;
  std::vector<float> data;  ///< channel after channel
};

class Model {
 public:
  Model();
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  /// Opens a file; throws Error, and then plays on what was there before.
  void load(const std::string& path, double sample_rate);
  /// Opens the same file again: attributes and streaming state start over.
  void reload();
  bool is_loaded() const;
  const std::string& path() const;

  /// What `get_methods` lists, or every method that has a `<method>_params`.
  std::vector<std::string> methods() const;
  /// Nothing if nn~ would not play the method.
  std::optional<MethodParams> method_params(const std::string& method);
  /// Labels of the inlets or outlets; nothing if nn~ would make up its own.
  std::optional<std::vector<std::string>> labels(const std::string& method, bool inputs);
  /// The largest ratio of all methods, nn~'s smallest buffer.
  int highest_ratio();
  bool has_method(const std::string& name);
  /// What `get_sample_rate` says; 0 without one.
  int sample_rate();

  std::vector<std::string> attributes();
  std::vector<int> attribute_types(const std::string& attribute);
  /// Throws Error where nn~ cannot read the attribute, as when it is no list and no tuple.
  std::vector<Value> get(const std::string& attribute);
  /// What Max prints for `get attribute`.
  std::string get_text(const std::string& attribute);
  /// Sets from text. Returns what the setter returned; throws Error for all else that nn~
  /// reports, and std::invalid_argument or std::out_of_range for a number that is none.
  int set(const std::string& attribute, const std::vector<std::string>& args,
          const std::map<std::string, Samples>& samples = {});

  /// Names that `get_buffer_attributes` lists: `attribute#element`.
  std::vector<std::string> buffer_attributes() const;
  /// True if an element takes the samples of an array, not the text that was sent.
  bool takes_samples(const std::string& attribute, int element) const;
  static std::string buffer_name(const std::string& attribute, int element);
  int clear_buffer(const std::string& name);
  bool is_buffer_empty(const std::string& name);

  /// Plays one block of `frames` frames.
  ///
  /// `inputs` are ordered inlet after inlet, the batches of an inlet side by side; `outputs`
  /// batch after batch, the channels of a batch side by side. Returns what nn~ prints if the
  /// model failed; the outputs are then as they were. Throws, as nn~ does, where the block
  /// does not fit the ratios.
  std::optional<std::string> perform(const std::vector<float*>& inputs,
                                     const std::vector<float*>& outputs,
                                     const std::string& method, int batches, int out_channels,
                                     int frames);

  static bool has_gpu();
  void use_gpu(bool value);

  /// The archive member `extra/torchbend.json`; empty without one.
  std::string description() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// How many threads libtorch may use for one operation.
void set_threads(int threads);
/// Seeds what a model draws at random.
void set_seed(std::uint64_t seed);
std::string torch_version();

}  // namespace torchbend
