// native-tests FOLDER: all cases, on the files that make_models.py wrote there.
#include <exception>

#include "check.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "native-tests FOLDER, of what make_models.py writes\n";
    return 1;
  }
  check::models = argv[1];
  for (const auto& test : check::cases()) {
    const int before = check::failures;
    try {
      test.run();
    } catch (const std::exception& e) {
      check::failures++;
      std::cerr << e.what() << "\n";
    }
    std::cout << (check::failures == before ? "ok      " : "FAILED  ") << test.name << "\n";
  }
  std::cout << check::cases().size() << " cases, " << check::failures << " failures\n";
  return check::failures == 0 && !check::cases().empty() ? 0 : 1;
}
