//===- Bench.cpp - narae bench --------------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/DefaultBackends.h"
#include "tools/narae/Artifacts.h"
#include "tools/narae/Command.h"
#include "tools/narae/CompileOptions.h"
#include "tools/narae/Console.h"

#include <algorithm>
#include <chrono>

using namespace narae;
using namespace narae::tool;
using Clock = std::chrono::steady_clock;

namespace {
class Bench : public Command {
public:
  void describe(Options &options) override;
  int run() override;

private:
  Status measure();
  void show(std::vector<double> times, double load) const;

  std::string file, entry, device;
  std::vector<std::string> inputs;
  std::map<std::string, int64_t> dims;
  int64_t threads = 0, repeat = 0, seed = 0;
  double seconds = 1;
  bool json = false;
  uint64_t arenaBytes = 0, weightBytes = 0;
};
} // namespace

static double since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin)
      .count();
}

void Bench::describe(Options &options) {
  options.usage = "bench F.narae [options]";
  options.summary =
      "Measures an artifact: loads it, runs it until the time is used up and "
      "prints the\nshortest and the median time. Inputs are random.";
  options.examples =
      "narae bench model.narae\n"
      "narae bench bert.narae --dim batch=8 --dim seq=128 --threads 2\n"
      "narae bench bert.narae --input ids=1x16:i64:random(0,30000) --json\n";
  options.file("one artifact", file);
  options.text("--entry", "NAME", "entry to run (the first)", entry);
  options.text("--device", "DEVICE", "cpu, nvidia:0, ... (the artifact's)",
               device);
  addPluginOption(options);
  options.list("--input", "NAME=VALUE", "an input, as `narae run` takes it",
               inputs);
  options.table.push_back(
      {"--dim", "NAME=SIZE",
       "size of a dynamic dimension of random inputs (16)", 0,
       [this](const std::string &text) { return addSize(text, dims); }});
  options.number("--threads", "N", "threads to use (all cores)", 1, 4096,
                 threads);
  options.number("--repeat", "N", "runs to measure (as many as fit)", 1,
                 1000000000, repeat);
  options.real("--seconds", "S", "time to spend (1)", seconds);
  options.number("--seed", "N", "of random inputs (0)", 0, INT64_MAX, seed);
  options.flag("--json", "prints JSON", json);
}

void Bench::show(std::vector<double> times, double load) const {
  std::sort(times.begin(), times.end());
  double shortest = times.front(), median = times[times.size() / 2];
  if (json) {
    print(dump({{"artifact", file},
                {"runs", times.size()},
                {"min_ms", shortest},
                {"median_ms", median},
                {"max_ms", times.back()},
                {"load_ms", load},
                {"arena_bytes", arenaBytes},
                {"weight_bytes", weightBytes}}));
    return;
  }
  print("shortest  " + formatMilliseconds(shortest) + "\nmedian    " +
        formatMilliseconds(median) + "\nlongest   " +
        formatMilliseconds(times.back()) + "\nruns      " +
        std::to_string(times.size()) + "\nload      " +
        formatMilliseconds(load) + "\narena     " + formatBytes(arenaBytes) +
        "\nweights   " + formatBytes(weightBytes) + "\n");
}

Status Bench::measure() {
  Clock::time_point begin = Clock::now();
  Expected<ArtifactPtr> artifact = loadArtifact(file);
  if (artifact.failed())
    return artifact.status();
  Expected<SessionPtr> session =
      makeSession(artifact->get(), device, static_cast<int32_t>(threads));
  if (session.failed())
    return session.status();
  double load = since(begin);
  Expected<size_t> index = findEntry(artifact->get(), entry);
  if (index.failed())
    return index.status();
  Expected<std::vector<Feed>> feeds = makeInputs(
      artifact->get(), *index, inputs, dims, static_cast<uint64_t>(seed));
  if (feeds.failed())
    return feeds.status();

  // The first runs touch memory and wake threads: they do not count.
  std::vector<double> times;
  constexpr int64_t warmups = 3;
  begin = Clock::now();
  for (int64_t i = 0;; ++i) {
    Clock::time_point start = Clock::now();
    Expected<std::vector<narae_tensor>> outputs =
        runOnce(session->get(), artifact->get(), *index, *feeds);
    if (outputs.failed())
      return outputs.status();
    if (i >= warmups)
      times.push_back(since(start));
    bool done = repeat ? i + 1 - warmups >= repeat
                       : since(begin) >= 1000 * seconds && !times.empty();
    if (done)
      break;
  }
  arenaBytes = narae_session_arena_bytes(session->get());
  weightBytes = narae_artifact_weight_bytes(artifact->get());
  show(std::move(times), load);
  return Status::success();
}

int Bench::run() {
  if (file.empty())
    return fail("bench: no artifact was given (--help shows examples)");
  registerDefaultBackends();
  Status status = measure();
  return status.ok() ? 0 : fail("bench: " + status.message());
}

std::unique_ptr<Command> tool::makeBench() { return std::make_unique<Bench>(); }
