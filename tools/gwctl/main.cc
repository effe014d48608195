#include <iostream>

#include "absl/time/clock.h"
#include "tools/gwctl/cli.h"

int main(int argc, char** argv) {
  return sluice::gwctl::Run({argv + 1, argv + argc}, {std::cout, std::cerr, absl::Now()});
}
