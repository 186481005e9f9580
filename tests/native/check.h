// The least that a test needs: cases that register themselves, and checks that go on.
#pragma once

#include <functional>
#include <iostream>
#include <string>
#include <vector>

namespace check {

struct Case {
  std::string name;
  std::function<void()> run;
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

inline int failures = 0;
inline std::string models;  // the folder that make_models.py wrote

struct Register {
  Register(const char* name, std::function<void()> run) { cases().push_back({name, run}); }
};

inline void that(bool ok, const char* what, const char* file, int line) {
  if (ok) return;
  failures++;
  std::cerr << file << ":" << line << ": " << what << "\n";
}

template <class Exception, class Call>
std::string raised(Call&& call) {
  try {
    call();
  } catch (const Exception& e) {
    return e.what();
  }
  return "(nothing was raised)";
}

}  // namespace check

#define CHECK(what) check::that((what), #what, __FILE__, __LINE__)
#define CASE(name)                                              \
  static void name();                                           \
  static const check::Register register_##name(#name, name);    \
  static void name()
