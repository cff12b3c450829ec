//===- StandaloneDriver.cpp - A fuzzer for compilers without one ----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Mutates the files it is given, a few bytes at a time, always in the same
// way. No feedback from coverage.
//
//===----------------------------------------------------------------------===//

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void runOne(const std::string &bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t *>(bytes.data()),
                         bytes.size());
}

int main(int argc, char **argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s ROUNDS FILE...\n", argv[0]);
    return 1;
  }
  static const uint32_t interesting[] = {
      0, 1, 4, 0x7f, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff};
  std::mt19937_64 random(1);
  long rounds = std::strtol(argv[1], nullptr, 10);
  for (int i = 2; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    const std::string seed(std::istreambuf_iterator<char>(file), {});
    runOne(seed);
    for (long round = 0; round < rounds && !seed.empty(); ++round) {
      std::string bytes = seed;
      for (size_t changes = random() % 4 + 1; changes; --changes) {
        size_t at = random() % bytes.size();
        if (random() % 2 && at + 4 <= bytes.size())
          std::memcpy(&bytes[at], &interesting[random() % 9], 4);
        else
          bytes[at] = static_cast<char>(random());
      }
      if (random() % 16 == 0)
        bytes.resize(random() % bytes.size());
      runOne(bytes);
    }
  }
  return 0;
}
