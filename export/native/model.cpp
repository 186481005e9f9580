#include "model.h"

#include <ATen/Parallel.h>
#include <torch/script.h>
#include <torch/version.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <mutex>
#include <sstream>
#include <utility>

#include "text.h"

namespace torchbend {

namespace {

using torch::jit::Module;
using Lock = std::unique_lock<std::mutex>;

std::vector<std::string> strings(const c10::IValue& list) {
  std::vector<std::string> found;
  for (const c10::IValue& item : list.toListRef()) found.push_back(item.toStringRef());
  return found;
}

std::vector<std::string> find_methods(Module& module) {
  try {
    return strings(module.get_method("get_methods")({}));
  } catch (...) {
    std::vector<std::string> found;
    for (const auto& method : module.get_methods())
      if (module.hasattr(method.name() + "_params")) found.push_back(method.name());
    return found;
  }
}

Value to_value(const c10::IValue& item) {
  if (item.isBool()) return item.toBool();
  if (item.isInt()) return item.toInt();
  if (item.isDouble()) return item.toDouble();
  if (item.isString()) return item.toStringRef();
  if (item.isTensor()) {
    auto tensor = item.toTensor().detach().to(torch::kCPU, torch::kFloat64).contiguous();
    const double* data = tensor.data_ptr<double>();
    return TensorValue{tensor.sizes().vec(), {data, data + tensor.numel()}};
  }
  return {};
}

// The first line of what libtorch says: the addresses of its stack frames tell no one more.
std::string what(const std::exception& e) {
  const auto* error = dynamic_cast<const c10::Error*>(&e);
  return error ? error->what_without_backtrace() : e.what();
}

std::string tensor_text(const torch::Tensor& tensor) {
  std::ostringstream text;
  text << "Tensor(dim: ";
  for (int i = 0; i < tensor.dim(); i++) text << (i ? ", " : "") << tensor.size(i);
  text << ")";
  return text.str();
}

// An element that is not of the type it is said to be raises, as it does in nn~.
std::string element_text(const c10::IValue& item, int code) {
  switch (static_cast<Type>(code)) {
    case Type::kBool: return item.toBool() ? "true" : "false";
    case Type::kInt: return std::to_string(item.toInt());
    case Type::kFloat: return std::to_string(static_cast<float>(item.toDouble()));
    case Type::kString:
    case Type::kBuffer: return item.toStringRef();
    case Type::kTensor: return tensor_text(item.toTensor());
  }
  return {};
}

Error bad_type(int code, std::size_t index) {
  return Error("bad type id : " + std::to_string(code) + " at index " + std::to_string(index));
}

}  // namespace

std::string type_name(int code) {
  static const char* const names[] = {"bool", "int", "float", "str", "tensor", "buffer"};
  return code >= 0 && code < 6 ? names[code] : "unknown";
}

struct Model::Impl {
  Module module;
  std::mutex mutex;  // held by every call into the module: a block, a setter, a getter
  bool loaded = false;
  std::string path;
  std::string description;
  double host_rate = 0.0;
  torch::Device device{torch::kCPU};
  std::vector<std::string> methods;
  std::vector<std::string> buffers;
  std::map<std::string, std::vector<float>> lent;

  c10::IValue call(const std::string& name, std::vector<c10::IValue> args = {}) {
    return module.get_method(name)(std::move(args));
  }

  std::optional<torch::Tensor> params(const std::string& name) {
    Lock lock(mutex);
    if (!module.hasattr(name + "_params")) return std::nullopt;
    const auto value = module.attr(name + "_params");
    if (!value.isTensor()) return std::nullopt;
    return value.toTensor().to(torch::kCPU);
  }

  std::vector<int> types(const std::string& attribute, const std::string& to_do) {
    const auto found = params(attribute);
    if (!found)
      throw Error("parameters to " + to_do + " attribute " + attribute + " not found in model");
    std::vector<int> codes;
    for (std::int64_t i = 0; i < found->size(0); i++)
      codes.push_back((*found)[i].item<int>());
    return codes;
  }

  // nn~ hands the model memory that it frees after the call. Here it is kept and filled with
  // NaN, so that a model that did not copy it is heard, the same way every time.
  torch::Tensor lend(const std::string& name, const Samples& samples) {
    auto& memory = lent[name];
    memory = samples.data;
    memory.resize(static_cast<std::size_t>(samples.channels) * samples.frames, 0.0f);
    return torch::from_blob(memory.data(), {samples.channels, samples.frames}, torch::kFloat);
  }

  void take_back(const std::string& name) {
    auto& memory = lent[name];
    std::fill(memory.begin(), memory.end(), std::numeric_limits<float>::quiet_NaN());
  }

  void update_buffer(const std::string& name, const Samples& samples) {
    auto tensor = lend(name, samples).to(device);
    {
      Lock lock(mutex);
      call("set_buffer_attribute", {name, tensor, static_cast<int>(samples.sample_rate)}).toInt();
    }
    take_back(name);
  }

  std::vector<c10::IValue> getter_output(const std::string& attribute) {
    const std::string name = "get_" + attribute;
    Lock lock(mutex);
    if (!module.find_method(name))
      throw Error("getter for attribute " + attribute + " not found in model");
    try {
      try {
        return call(name).toList().vec();
      } catch (...) {
        // nn~ calls the getter a second time where it returns no list.
        return call(name).toTuple()->elements().vec();
      }
    } catch (...) {
      throw Error("could not access method " + name + " from original script.");
    }
  }
};

Model::Model() : impl_(std::make_unique<Impl>()) { at::init_num_threads(); }
Model::~Model() = default;

void Model::load(const std::string& path, double sample_rate) {
  try {
    torch::jit::ExtraFilesMap extra{{"torchbend.json", ""}};
    Module module = torch::jit::load(path, std::nullopt, extra);
    module.eval();
    module.to(impl_->device);
    auto methods = find_methods(module);
    std::vector<std::string> buffers;
    if (module.find_method("get_buffer_attributes"))
      buffers = strings(module.get_method("get_buffer_attributes")({}));
    if (module.find_method("set_sample_rate"))
      module.get_method("set_sample_rate")({static_cast<int>(sample_rate)});

    Lock lock(impl_->mutex);
    impl_->module = module;
    impl_->methods = std::move(methods);
    impl_->buffers = std::move(buffers);
    impl_->description = extra["torchbend.json"];
    impl_->path = path;
    impl_->host_rate = sample_rate;
    impl_->loaded = true;
  } catch (const std::exception& e) {
    throw Error("problem loading model " + path + ". Exception : " + what(e));
  }
}

void Model::reload() { load(impl_->path, impl_->host_rate); }
bool Model::is_loaded() const { return impl_->loaded; }
const std::string& Model::path() const { return impl_->path; }
std::string Model::description() const { return impl_->description; }
std::vector<std::string> Model::methods() const { return impl_->methods; }
std::vector<std::string> Model::buffer_attributes() const { return impl_->buffers; }

std::optional<MethodParams> Model::method_params(const std::string& method) {
  const auto& known = impl_->methods;
  if (std::find(known.begin(), known.end(), method) == known.end()) return std::nullopt;
  const auto found = impl_->params(method);
  if (!found || found->dim() != 1 || found->size(0) < 4) return std::nullopt;
  const auto at = [&](int i) { return (*found)[i].item().to<int>(); };
  return MethodParams{at(0), at(1), at(2), at(3)};
}

std::optional<std::vector<std::string>> Model::labels(const std::string& method, bool inputs) {
  const std::string name = method + (inputs ? "_input_labels" : "_output_labels");
  Lock lock(impl_->mutex);
  try {
    return strings(impl_->module.attr(name));
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

int Model::highest_ratio() {
  int highest = 1;
  for (const auto& method : methods())
    if (const auto params = method_params(method))
      highest = std::max({highest, params->in_ratio, params->out_ratio});
  return highest;
}

bool Model::has_method(const std::string& name) {
  Lock lock(impl_->mutex);
  return impl_->loaded && impl_->module.find_method(name).has_value();
}

int Model::sample_rate() {
  if (!has_method("get_sample_rate")) return 0;
  Lock lock(impl_->mutex);
  return static_cast<int>(impl_->call("get_sample_rate").toInt());
}

std::vector<std::string> Model::attributes() {
  std::vector<std::string> found;
  Lock lock(impl_->mutex);
  try {
    for (const auto& name : strings(impl_->call("get_attributes")))
      if (name != "none") found.push_back(name);
  } catch (...) {
    for (const auto& attribute : impl_->module.named_attributes(/*recurse=*/false))
      if (attribute.name != "none" && impl_->module.hasattr(attribute.name + "_params"))
        found.push_back(attribute.name);
  }
  return found;
}

std::vector<int> Model::attribute_types(const std::string& attribute) {
  return impl_->types(attribute, "get");
}

std::vector<Value> Model::get(const std::string& attribute) {
  std::vector<Value> values;
  for (const auto& item : impl_->getter_output(attribute)) values.push_back(to_value(item));
  return values;
}

std::string Model::get_text(const std::string& attribute) {
  const auto values = impl_->getter_output(attribute);
  const auto codes = impl_->types(attribute, "get");
  if (values.size() < codes.size())  // nn~ reads past the end
    throw Error("getter for " + attribute + " returns " + std::to_string(values.size()) +
                " values, and its parameters say " + std::to_string(codes.size()));
  std::string text;
  for (std::size_t i = 0; i < codes.size(); i++) {
    if (codes[i] < 0 || codes[i] > 5) throw bad_type(codes[i], i);
    text += (i ? " " : "") + element_text(values[i], codes[i]);
  }
  return text;
}

int Model::set(const std::string& attribute, const std::vector<std::string>& args,
               const std::map<std::string, Samples>& samples) {
  const std::string name = "set_" + attribute;
  {
    Lock lock(impl_->mutex);
    if (!impl_->module.find_method(name))
      throw Error("setter for attribute " + attribute + " not found in model");
  }
  const auto codes = impl_->types(attribute, "set");
  if (args.size() != codes.size())
    throw Error("wrong number of elements : setter seems to have " +
                std::to_string(codes.size()) + ", but " + std::to_string(args.size()) +
                " was given");

  std::vector<c10::IValue> inputs;
  for (std::size_t i = 0; i < codes.size(); i++) {
    switch (static_cast<Type>(codes[i])) {
      case Type::kBool: inputs.emplace_back(to_bool(args[i])); break;
      case Type::kInt: inputs.emplace_back(to_int(args[i])); break;
      case Type::kFloat: inputs.emplace_back(static_cast<double>(to_float(args[i]))); break;
      case Type::kString: inputs.emplace_back(args[i]); break;
      case Type::kTensor:
      case Type::kBuffer: {
        const auto buffer = buffer_name(attribute, static_cast<int>(i));
        const auto found = samples.find(buffer);
        if (found == samples.end())
          throw Error("buffer for argument " + buffer + " not found. Did you initialise it?");
        if (codes[i] == static_cast<int>(Type::kTensor)) {
          // The first channel only, and on the CPU wherever the model is.
          inputs.emplace_back(impl_->lend(buffer, found->second)[0].clone());
        } else {
          impl_->update_buffer(buffer, found->second);
          inputs.emplace_back(buffer);
        }
        break;
      }
      default: throw bad_type(codes[i], i);
    }
  }
  try {
    Lock lock(impl_->mutex);
    return static_cast<int>(impl_->call(name, std::move(inputs)).toInt());
  } catch (const std::exception& e) {
    throw Error("setter for " + attribute + " failed : " + what(e));
  }
}

std::string Model::buffer_name(const std::string& attribute, int element) {
  return attribute + "#" + std::to_string(element);
}

bool Model::takes_samples(const std::string& attribute, int element) const {
  const auto& names = impl_->buffers;
  return std::find(names.begin(), names.end(), buffer_name(attribute, element)) != names.end();
}

int Model::clear_buffer(const std::string& name) {
  Lock lock(impl_->mutex);
  return static_cast<int>(impl_->call("clear_buffer_attribute", {name}).toInt());
}

bool Model::is_buffer_empty(const std::string& name) {
  Lock lock(impl_->mutex);
  return impl_->call("is_buffer_empty", {name}).toBool();
}

std::optional<std::string> Model::perform(const std::vector<float*>& inputs,
                                          const std::vector<float*>& outputs,
                                          const std::string& method, int batches,
                                          int out_channels, int frames) {
  c10::InferenceMode guard;
  const auto params = method_params(method);
  if (!params || !impl_->loaded) return std::nullopt;

  std::vector<torch::Tensor> channels;
  for (std::size_t i = 0; i < static_cast<std::size_t>(params->in_channels) * batches; i++)
    channels.push_back(i < inputs.size() ? torch::from_blob(inputs[i], {1, 1, frames}).clone()
                                         : torch::zeros({1, 1, frames}));
  // (inlets, batches, model frames, ratio): the last sample of each group is heard.
  auto x = torch::cat(channels, 1)
               .reshape({params->in_channels, batches, -1, params->in_ratio})
               .select(-1, -1)
               .permute({1, 0, 2});

  torch::Tensor y;
  {
    Lock lock(impl_->mutex);
    x = x.to(impl_->device);
    try {
      y = impl_->call(method, {x}).toTensor();
      y = y.repeat_interleave(params->out_ratio).reshape({batches, params->out_channels, -1});
    } catch (const std::exception& e) {
      return what(e);
    }
  }
  if (y.size(2) != frames)
    return "model output size is not consistent, expected " + std::to_string(frames) +
           " samples, got " + std::to_string(y.size(2)) + "!";

  y = y.to(torch::kCPU).contiguous();
  for (int channel = 0; channel < out_channels; channel++) {
    for (int batch = 0; batch < batches; batch++) {
      float* out = outputs[static_cast<std::size_t>(batch) * out_channels + channel];
      if (channel < y.size(1))
        std::memcpy(out, y[batch][channel].data_ptr<float>(), frames * sizeof(float));
      else
        std::memset(out, 0, frames * sizeof(float));
    }
  }
  return std::nullopt;
}

bool Model::has_gpu() { return at::hasCUDA() || at::hasMPS(); }

void Model::use_gpu(bool value) {
  Lock lock(impl_->mutex);
  impl_->device = torch::kCPU;
  if (value && at::hasCUDA()) impl_->device = torch::kCUDA;
  if (value && !at::hasCUDA() && at::hasMPS()) impl_->device = torch::kMPS;
  impl_->module.to(impl_->device);
}

void set_threads(int threads) { at::set_num_threads(threads); }
void set_seed(std::uint64_t seed) { at::manual_seed(seed); }
std::string torch_version() { return TORCH_VERSION; }

}  // namespace torchbend
