//===- ModelChecks.cpp - Whole graphs: bytes, sizes, sessions, threads ----===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/conformance/DeviceChecks.h"
#include "lib/conformance/Observer.h"
#include "lib/conformance/RawDevice.h"
#include "lib/conformance/cases/Cases.h"

#include <cmath>
#include <fstream>
#include <iterator>
#include <thread>

using namespace narae;
using namespace narae::conformance;

namespace {
/// A graph of unknown sizes, as a case for each size.
struct Family {
  const char *name;
  Case (*make)(narae_type type, int64_t size, uint64_t seed);
};
} // namespace

static Array dynamicArray(narae_type type, const Shape &shape,
                          std::vector<size_t> dynamic, uint64_t seed) {
  Array array = randomArray(type, shape, -2, 2, seed);
  array.dynamic = std::move(dynamic);
  return array;
}

static Case addGraph(narae_type type, int64_t size, uint64_t seed) {
  Array x = dynamicArray(type, {size, 5}, {0}, seed);
  Array y = dynamicArray(type, {5}, {}, seed + 1), want = x;
  size_t at = 0;
  forEach(x.shape, [&](const Index &i) { want.values[at++] += y.at(i); });
  return {"add", "", "", {input(x), input(y)}, {{want}}};
}

static Case expGraph(narae_type type, int64_t size, uint64_t seed) {
  Array x = dynamicArray(type, {3, size}, {1}, seed), want = x;
  for (double &value : want.values)
    value = std::exp(value);
  return {"exp", "", "", {input(x)}, {{want, type == NARAE_F32 ? 16.0 : 2.0}}};
}

static Case matmulGraph(narae_type type, int64_t size, uint64_t seed) {
  Array x = dynamicArray(type, {size, 33}, {0}, seed);
  Array y = dynamicArray(type, {33, 7}, {}, seed + 1);
  Array want = fromIndex(type, {size, 7}, [&](const Index &i) {
    double sum = 0;
    for (int64_t k = 0; k < 33; ++k)
      sum += x.at({i[0], k}) * y.at({k, i[1]});
    return sum;
  });
  want.dynamic = {0};
  return {"matmul",
          "",
          "",
          {input(x), input(y)},
          {{want, 0, {33 * 4 * 33 * sumEpsilon(type)}}}};
}

static Case concatGraph(narae_type type, int64_t size, uint64_t seed) {
  Array x = dynamicArray(type, {size, 4}, {0}, seed);
  Array y = dynamicArray(type, {3, 4}, {}, seed + 1), want = x;
  want.shape[0] += 3;
  want.values.insert(want.values.end(), y.values.begin(), y.values.end());
  return {"concat", "", "axis = 0 : i64", {input(x), input(y)}, {{want}}};
}

static Case reduceGraph(narae_type type, int64_t size, uint64_t seed) {
  Array x = dynamicArray(type, {4, size}, {1}, seed);
  Array want{type, {4}, Numbers(4, 0)};
  forEach(x.shape, [&](const Index &i) {
    want.values[static_cast<size_t>(i[0])] += x.at(i);
  });
  double slack = 4 * double(size) * double(size) * sumEpsilon(type);
  return {"reduce",
          "",
          "kind = \"sum\", axes = array<i64: 1>, keep_dims = false",
          {input(x)},
          {{want, 1, {slack}}}};
}

static const Family kFamilies[] = {{"add", addGraph},
                                   {"exp", expGraph},
                                   {"matmul", matmulGraph},
                                   {"concat", concatGraph},
                                   {"reduce", reduceGraph}};

/// The element type in which the target takes a graph; its refusal otherwise.
static Verdict typeOf(const Options &options, const Family &family,
                      narae_type &type) {
  Verdict verdict;
  for (narae_type candidate : {NARAE_F32, NARAE_F16, NARAE_BF16}) {
    Case test = family.make(type = candidate, 3, 1);
    verdict = supportsText(moduleText({&test}), options.target, "dynamic");
    if (verdict.outcome != Outcome::Unsupported)
      return verdict;
  }
  return verdict;
}

static Verdict checkDynamic(const Options &options, const Family &family) {
  narae_type type = NARAE_F32;
  Verdict verdict = typeOf(options, family, type);
  if (verdict.outcome != Outcome::Passed)
    return verdict;
  Case first = family.make(type, 3, 1);
  Expected<std::unique_ptr<Program>> program = Program::make(
      moduleText({&first}), options.target, options.device, "dynamic");
  require(program.ok(), program.message());
  for (int64_t size : {3, 1, 17, 64, 0, 300, 2}) {
    std::string message = (*program)->run(0, family.make(type, size, 9));
    require(message.empty(),
            "for size " + std::to_string(size) + ": " + message);
  }
  return passed();
}

static std::string fileBytes(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A case of fixed sizes of the first family that the target takes.
static Verdict anyGraph(const Options &options, Family &family,
                        narae_type &type) {
  Verdict verdict = unsupported("");
  for (const Family &candidate : kFamilies) {
    family = candidate;
    verdict = typeOf(options, candidate, type);
    if (verdict.outcome != Outcome::Unsupported)
      return verdict;
  }
  return unsupported("none of the kit's graphs of unknown sizes is taken");
}

static Verdict checkDeterminism(const Options &options) {
  std::string first;
  std::vector<Case> cases;
  for (narae_type type : {NARAE_F32, NARAE_F16})
    for (const Family &family : kFamilies) {
      Case test = family.make(type, 6, 1);
      for (Operand &operand : test.operands)
        operand.array.dynamic.clear();
      test.results[0].array.dynamic.clear();
      if (supportsText(moduleText({&test}), options.target, "same").outcome ==
          Outcome::Passed)
        cases.push_back(test);
    }
  if (cases.empty())
    return unsupported("none of the kit's graphs is taken");
  std::vector<const Case *> all;
  for (const Case &test : cases)
    all.push_back(&test);
  for (int round = 0; round < 3; ++round) {
    std::string path;
    Status status = compileText(moduleText(all), options.target, "same", path);
    require(status.ok(), status.message());
    std::string bytes = fileBytes(path);
    require(round == 0 || bytes == first,
            "compiling twice gave different bytes");
    first = bytes;
  }
  return passed();
}

/// One artifact, four threads, each with sessions of its own.
static Verdict checkSessions(const Options &options) {
  Family family = {};
  narae_type type = NARAE_F32;
  Verdict verdict = anyGraph(options, family, type);
  if (verdict.outcome != Outcome::Passed)
    return verdict;
  Case first = family.make(type, 3, 1);
  Expected<std::unique_ptr<Program>> program = Program::make(
      moduleText({&first}), options.target, options.device, "sessions");
  require(program.ok(), program.message());
  std::vector<std::string> messages(4);
  std::vector<std::thread> team;
  narae_artifact *artifact = (*program)->artifact();
  for (size_t i = 0; i < messages.size(); ++i)
    team.emplace_back([&, i, &message = messages[i]] {
      for (uint64_t round = 0; round < 5 && message.empty(); ++round) {
        narae_session_options how = {
            sizeof(how),
            options.device.empty() ? nullptr : options.device.c_str(), 1};
        narae_session *session = nullptr;
        message = messageOf(narae_session_create(artifact, &how, &session));
        for (uint64_t run = 0; run < 20 && message.empty(); ++run)
          message = runCase(session, 0,
                            family.make(type, int64_t(3 + (i + run) % 40),
                                        i * 1000 + round * 50 + run));
        narae_session_release(session);
      }
    });
  for (std::thread &thread : team)
    thread.join();
  for (const std::string &message : messages)
    require(message.empty(), "with four threads: " + message);
  return passed();
}

/// Runs of the same sizes allocate nothing, and all memory comes back.
static Verdict checkSteadyState(const Options &options) {
  Family family = {};
  narae_type type = NARAE_F32;
  Verdict verdict = anyGraph(options, family, type);
  if (verdict.outcome != Outcome::Passed)
    return verdict;
  std::string observer = observe(options.device);
  Counts before = observed();
  {
    Case test = family.make(type, 9, 1);
    Expected<std::unique_ptr<Program>> program =
        Program::make(moduleText({&test}), options.target, observer, "steady");
    require(program.ok(), program.message());
    std::string message = (*program)->run(0, test);
    require(message.empty(), message);
    Counts first = observed();
    for (uint64_t run = 0; run < 20; ++run) {
      message = (*program)->run(0, family.make(type, 9, run));
      require(message.empty(), message);
    }
    Counts last = observed();
    require(last.allocations == first.allocations,
            "runs of the same sizes allocate device memory");
    require(last.launches >= first.launches + 20, "runs launch nothing");
  }
  Counts after = observed();
  require(after.allocations - before.allocations ==
              after.releases - before.releases,
          "a session did not give back its memory");
  require(after.loads - before.loads == after.unloads - before.unloads,
          "a session did not unload its objects");
  return passed();
}

void conformance::addModelChecks(const Options &options,
                                 std::vector<Check> &checks) {
  if (options.target.empty())
    return;
  checks.push_back({"compile", "the same bytes each time",
                    [=] { return checkDeterminism(options); }});
  if (options.device.empty())
    return;
  for (const Family &family : kFamilies)
    checks.push_back({"unknown sizes", family.name,
                      [=] { return checkDynamic(options, family); }});
  checks.push_back(
      {"sessions", "four threads", [=] { return checkSessions(options); }});
  checks.push_back(
      {"sessions", "steady state", [=] { return checkSteadyState(options); }});
}
