//===- Bench.h - Operands in a scratchpad --------------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A machine with operands in a scratchpad, for tests of single instructions.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TEST_UNIT_NPU_BENCH_H
#define NARAE_TEST_UNIT_NPU_BENCH_H

#include "backends/npu/isa/Assembly.h"
#include "backends/npu/isa/Numbers.h"
#include "backends/npu/simulator/Simulator.h"
#include "test/unit/npu/TestMachine.h"

#include <cmath>
#include <random>

namespace narae::npu::test {

/// Values as elements of a type, packed.
inline std::vector<uint8_t> pack(ElementType type,
                                 const std::vector<double> &values) {
  int bits = bitsOf(type);
  std::vector<uint8_t> bytes((values.size() * size_t(bits) + 7) / 8);
  for (size_t i = 0; i < values.size(); ++i) {
    uint32_t code = isInteger(type) ? fromInteger(type, int32_t(values[i]))
                                    : fromFloat(type, float(values[i]));
    if (bits == 4)
      bytes[i / 2] |= uint8_t(code << (4 * (i % 2)));
    else
      for (int byte = 0; byte < bits / 8; ++byte)
        bytes[i * size_t(bits / 8) + size_t(byte)] = uint8_t(code >> 8 * byte);
  }
  return bytes;
}

inline std::vector<double>
unpack(ElementType type, const std::vector<uint8_t> &bytes, size_t count) {
  int bits = bitsOf(type);
  std::vector<double> values;
  for (size_t i = 0; i < count; ++i) {
    uint32_t code = 0;
    if (bits == 4)
      code = bytes[i / 2] >> (4 * (i % 2)) & 15;
    else
      for (int byte = 0; byte < bits / 8; ++byte)
        code |= uint32_t(bytes[i * size_t(bits / 8) + size_t(byte)])
                << 8 * byte;
    values.push_back(isInteger(type) ? double(toInteger(type, code))
                                     : double(toFloat(type, code)));
  }
  return values;
}

class Bench {
public:
  explicit Bench(const std::string &target = "npu:rebel-quad")
      : machine(builtIn(target)), simulator(machine) {}

  /// Puts values into the scratchpad of core 0 and makes a dense view of them.
  int64_t put(const std::string &view, ElementType type,
              const std::vector<int64_t> &sizes,
              const std::vector<double> &values) {
    int64_t address = reserve(view, type, sizes);
    std::vector<uint8_t> bytes = pack(type, values);
    EXPECT_TRUE(
        simulator
            .write(Space::Scratchpad, 0, address, bytes.data(), bytes.size())
            .ok());
    return address;
  }
  /// A dense view of bytes that nobody wrote.
  int64_t reserve(const std::string &view, ElementType type,
                  const std::vector<int64_t> &sizes,
                  const std::string &space = "scratchpad") {
    int64_t &next = space == "scratchpad" ? scratchpad : other;
    int64_t address = next, stride = 1;
    std::string dims;
    for (size_t axis = sizes.size(); axis-- > 0; stride *= sizes[axis])
      dims += "dim " + view + ", " + std::to_string(axis) + ", " +
              std::to_string(sizes[axis]) + ", " + std::to_string(stride) +
              "\n";
    text += "view " + view + ", " + typeText(type) + ", " + space + ", " +
            std::to_string(sizes.size()) + ", -1, " + std::to_string(address) +
            "\n" + dims;
    next = (address + stride * 4 + 63) / 64 * 64;
    return address;
  }
  void add(const std::string &line) { text += line + "\n"; }

  /// Runs what was added on an engine of core 0.
  std::optional<Fault> run(const std::string &engine) {
    return runProgram(".code a\n" + text + ".stream " + engine + " 0 0 a\n");
  }
  std::optional<Fault> runProgram(const std::string &program,
                                  const std::vector<int64_t> &parameters = {}) {
    std::vector<std::string> problems;
    Program assembled = assemble(program, problems);
    EXPECT_TRUE(problems.empty()) << problems[0];
    Status status = simulator.load(assembled);
    EXPECT_TRUE(status.ok()) << status.message();
    status = simulator.launch(parameters);
    EXPECT_TRUE(status.ok()) << status.message();
    return simulator.run();
  }
  std::vector<double> get(int64_t address, ElementType type, size_t count,
                          Space space = Space::Scratchpad, int32_t unit = 0) {
    std::vector<uint8_t> bytes((count * size_t(bitsOf(type)) + 7) / 8);
    EXPECT_TRUE(
        simulator.read(space, unit, address, bytes.data(), bytes.size()).ok());
    return unpack(type, bytes, count);
  }

  Machine machine;
  Simulator simulator;
  std::string text;

private:
  int64_t scratchpad = 64, other = 0;
};

/// Numbers of [low, high] in steps that all types of a test hold exactly.
inline std::vector<double> randomValues(size_t count, double low, double high,
                                        double step, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<double> values;
  for (size_t i = 0; i < count; ++i)
    values.push_back(
        low + step * double(random() % uint64_t((high - low) / step + 1)));
  return values;
}

/// Distance in units of the last place of f32.
inline double ulps(double got, double expected) {
  if (std::isnan(expected) || std::isnan(got))
    return std::isnan(expected) == std::isnan(got) ? 0 : INFINITY;
  if (got == expected || float(expected) == float(got))
    return 0;
  int exponent = std::max(std::ilogb(expected), -126);
  return std::fabs(got - expected) / std::ldexp(1.0, exponent - 23);
}

} // namespace narae::npu::test

#endif // NARAE_TEST_UNIT_NPU_BENCH_H
