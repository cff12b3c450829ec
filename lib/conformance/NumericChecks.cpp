//===- NumericChecks.cpp - Each op and type, against float64 --------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Graphs of one op each are compiled many at a time, as entries of one module;
// where that fails, and for backends that take few of them, one by one.
//
//===----------------------------------------------------------------------===//

#include "lib/conformance/DeviceChecks.h"
#include "lib/conformance/RawDevice.h"
#include "lib/conformance/cases/Cases.h"

#include <map>

using namespace narae;
using namespace narae::conformance;

static constexpr size_t kTogether = 48;

namespace {
/// The cases, and what has been compiled of them.
class Numerics {
public:
  explicit Numerics(const Options &options)
      : options(options), cases(allCases()) {}
  Verdict run(size_t index);

  const Options options;
  const std::vector<Case> cases;

private:
  Verdict &support(size_t index);
  void prepare(size_t group);

  std::map<size_t, Verdict> supports;
  std::map<size_t, size_t> entries; ///< cases of the compiled group
  std::unique_ptr<Program> program; ///< of that group
  size_t group = SIZE_MAX;
};
} // namespace

Verdict &Numerics::support(size_t index) {
  auto it = supports.find(index);
  if (it != supports.end())
    return it->second;
  return supports[index] = supportsText(moduleText({&cases[index]}),
                                        options.target, "numerics");
}

/// Compiles what the backend takes of a group of cases, if that can be done at
/// once.
void Numerics::prepare(size_t wanted) {
  if (group == wanted)
    return;
  group = wanted;
  entries.clear();
  program.reset();
  size_t begin = group * kTogether;
  size_t end = std::min(begin + kTogether, cases.size());
  std::vector<const Case *> list;
  for (size_t i = begin; i < end; ++i)
    list.push_back(&cases[i]);
  bool all = supportsText(moduleText(list), options.target, "group").outcome ==
             Outcome::Passed;
  list.clear();
  for (size_t i = begin; i < end; ++i) {
    if (all)
      supports[i] = passed();
    if (support(i).outcome != Outcome::Passed)
      continue;
    entries[i] = list.size();
    list.push_back(&cases[i]);
  }
  if (list.empty())
    return;
  Expected<std::unique_ptr<Program>> made =
      Program::make(moduleText(list), options.target, options.device, "group");
  if (made.ok())
    program = std::move(*made);
}

Verdict Numerics::run(size_t index) {
  if (!options.oneAtATime)
    prepare(index / kTogether);
  Verdict verdict = support(index);
  if (verdict.outcome != Outcome::Passed)
    return verdict;
  const Case &test = cases[index];
  if (program) {
    std::string message = program->run(entries.at(index), test);
    return message.empty() ? passed() : failed(message);
  }
  Expected<std::unique_ptr<Program>> alone = Program::make(
      moduleText({&test}), options.target, options.device, "numerics");
  if (alone.failed())
    return failed("it is said to be supported, but " + alone.message());
  std::string message = (*alone)->run(0, test);
  return message.empty() ? passed() : failed(message);
}

void conformance::addNumericChecks(const Options &options,
                                   std::vector<Check> &checks) {
  if (options.target.empty() || options.device.empty())
    return;
  auto numerics = std::make_shared<Numerics>(options);
  for (size_t i = 0; i < numerics->cases.size(); ++i) {
    const Case &test = numerics->cases[i];
    checks.push_back({"numerics", "fm." + test.op + " " + test.label,
                      [=] { return numerics->run(i); }});
  }
}
