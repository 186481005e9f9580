// bend-probe: the command, and its `info`.
#include <cstdio>
#include <exception>
#include <iostream>

#include "session.h"
#include "text.h"

namespace torchbend {

namespace {

std::string json_method(Model& model, const std::string& name, const MethodParams& params) {
  const auto labels = [&](bool inputs) {
    const auto found = model.labels(name, inputs);
    return found ? json_texts(*found) : "null";
  };
  return "{\"name\": " + json_text(name) +
         ", \"in_channels\": " + std::to_string(params.in_channels) +
         ", \"in_ratio\": " + std::to_string(params.in_ratio) +
         ", \"out_channels\": " + std::to_string(params.out_channels) +
         ", \"out_ratio\": " + std::to_string(params.out_ratio) +
         ", \"input_labels\": " + labels(true) + ", \"output_labels\": " + labels(false) + "}";
}

std::string json_attribute(Model& model, const std::string& name,
                           std::vector<std::string>& problems) {
  std::string types = "null", value = "null", text = "null";
  try {
    std::vector<std::string> items;
    for (const int code : model.attribute_types(name)) items.push_back(json_text(type_name(code)));
    types = json_list(items);
    value = json_values(model.get(name));
    text = json_text(model.get_text(name));
  } catch (const std::exception& e) {
    problems.push_back(name + ": " + e.what());
  }
  if (!model.has_method("set_" + name))
    problems.push_back(name + ": setter for attribute " + name + " not found in model");
  return "{\"name\": " + json_text(name) + ", \"types\": " + types + ", \"value\": " + value +
         ", \"text\": " + text + "}";
}

}  // namespace

int run_info(const Options& options) {
  Model model;
  model.load(options.files[0], options.rate > 0 ? options.rate : 44100);
  std::vector<std::string> problems, methods, attributes;
  for (const auto& name : model.methods()) {
    if (const auto params = model.method_params(name))
      methods.push_back(json_method(model, name, *params));
    else
      problems.push_back(name + ": no " + name + "_params, so nn~ cannot play it");
  }
  if (methods.empty()) problems.push_back("no method that nn~ can play");
  for (const auto& name : model.attributes())
    attributes.push_back(json_attribute(model, name, problems));
  // What starts like an object is taken for JSON, and anything else shown as text.
  std::string description = model.description();
  if (description.empty()) description = "null";
  else if (description[0] != '{') description = json_text(description);
  const int rate = model.sample_rate();

  std::cout << "{\"path\": " << json_text(model.path())
            << ",\n \"torch\": " << json_text(torch_version())
            << ",\n \"sample_rate\": " << (rate > 0 ? std::to_string(rate) : "null")
            << ",\n \"highest_ratio\": " << model.highest_ratio()
            << ",\n \"methods\": " << json_list(methods)
            << ",\n \"attributes\": " << json_list(attributes)
            << ",\n \"buffer_attributes\": " << json_texts(model.buffer_attributes())
            << ",\n \"problems\": " << json_texts(problems)
            << ",\n \"torchbend\": " << description << "}\n";
  return 0;
}

}  // namespace torchbend

int main(int argc, char** argv) {
  using namespace torchbend;
  try {
    if (argc == 2 && (std::string(argv[1]) == "--help" || std::string(argv[1]) == "-h")) {
      std::cout << kUsage;
      return 0;
    }
    const Options options = parse_options(argc, argv);
    if (options.command == "info") return run_info(options);
    if (options.command == "render") return run_render(options);
    return run_time(options);
  } catch (const Usage& e) {
    std::cerr << "bend-probe: " << e.what() << " (bend-probe --help says more)\n";
  } catch (const std::exception& e) {
    std::cerr << "bend-probe: " << e.what() << "\n";
  }
  return 1;
}
