// How nn~ reads the values that a patch sends it, and how a patch writes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace torchbend {

/// Only "0" and "false" are false: Pd's "0.000000" is true, and so is "False".
bool to_bool(const std::string& text);
/// Reads the integer at the start: "2.7" is 2, "1e3" is 1. Throws std::invalid_argument.
int to_int(const std::string& text);
/// Takes "nan", "inf" and "0x1p3" as well. Throws std::invalid_argument, std::out_of_range.
float to_float(const std::string& text);
/// What Pd's nn~ makes of a number box's value: six decimals, never an exponent.
std::string pd_text(float value);
/// True if Pd would read the word as a number.
bool is_number(const std::string& word);
/// The least power of two that is not below.
int power_of_two(int size);

std::vector<std::string> split(std::string_view text, char separator);

/// Text, quoted as JSON.
std::string json_text(std::string_view text);
/// A number, as JSON; NaN and Infinity as Python and JavaScript write them.
std::string json_number(double value);
/// Items that are JSON already.
std::string json_list(const std::vector<std::string>& items);

}  // namespace torchbend
