#include "text.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace torchbend {

bool to_bool(const std::string& text) { return !(text == "0" || text == "false"); }
int to_int(const std::string& text) { return std::stoi(text); }
float to_float(const std::string& text) { return std::stof(text); }
std::string pd_text(float value) { return std::to_string(value); }

bool is_number(const std::string& word) {
  // Pd's own reader takes digits, signs, points and exponents: no nan, inf or hexadecimal.
  if (word.empty() || word.find_first_not_of("0123456789+-.eE") != std::string::npos) return false;
  char* end = nullptr;
  std::strtof(word.c_str(), &end);
  return *end == '\0';
}

int power_of_two(int size) {
  int power = 1;
  while (power < size) power *= 2;
  return power;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string json_text(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      quoted += escaped;
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string json_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

std::string json_list(const std::vector<std::string>& items) {
  std::string list = "[";
  for (std::size_t i = 0; i < items.size(); i++) list += (i ? ", " : "") + items[i];
  return list + "]";
}

}  // namespace torchbend
