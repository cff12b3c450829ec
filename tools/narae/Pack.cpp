//===- Pack.cpp - narae pack --------------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Csv.h"
#include "tools/narae/Command.h"
#include "tools/narae/Console.h"

using namespace narae;
using namespace narae::tool;

namespace {
/// Records decisions as JSON.
class Recorder : public memory::Observer {
public:
  explicit Recorder(const memory::Problem &problem) : problem(problem) {}

  void tried(size_t part, const std::string &strategy,
             std::optional<uint64_t> peak, bool isKept) override {
    nlohmann::ordered_json entry = {{"part", part}, {"strategy", strategy}};
    entry["peak"] = peak ? nlohmann::ordered_json(*peak) : nullptr;
    entry["kept"] = isKept;
    record["tried"].push_back(entry);
  }

  void placed(uint32_t buffer, uint64_t offset,
              const std::vector<memory::Rejection> &rejected) override {
    nlohmann::ordered_json places = nlohmann::ordered_json::array();
    for (const memory::Rejection &rejection : rejected)
      places.push_back(
          {{"offset", rejection.offset},
           {"blocked_by", problem.buffers[rejection.blocker].name}});
    record["placed"].push_back({{"buffer", problem.buffers[buffer].name},
                                {"offset", offset},
                                {"rejected", places}});
  }

  nlohmann::ordered_json record = {{"tried", nlohmann::ordered_json::array()},
                                   {"placed", nlohmann::ordered_json::array()}};

private:
  const memory::Problem &problem;
};

class Pack : public Command {
public:
  void describe(Options &options) override;
  int run() override;

private:
  bool isProven(const memory::Plan &plan) const {
    return plan.isProvenTooLarge ||
           plan.lowerBound > static_cast<uint64_t>(capacity);
  }
  void show(const memory::Problem &problem, const memory::Plan &plan,
            bool fits) const;
  std::string file, output, best, trace;
  int64_t capacity = -1;
  /// About two seconds on two cores, when the best plan is not found before.
  int64_t budget = 1'000'000'000;
  bool smallest = false, json = false;
};
} // namespace

void Pack::describe(Options &options) {
  options.usage =
      "pack PROBLEM.csv --capacity=BYTES [-o SOLUTION.csv] [--best=BEST.csv]";
  options.summary =
      "Places buffers with lifetimes in memory: the compiler's planner alone. "
      "PROBLEM has\nthe columns id, lower, upper and size (and alignment, "
      "offset), as MiniMalloc's; the\nsolution adds offsets. Exit code 1 when "
      "no plan that fits was found: then no solution\nis written, and it is "
      "said whether that is proven.";
  options.examples = "narae pack A.1048576.csv --capacity=1048576 -o a.csv\n"
                     "narae pack A.1048576.csv --capacity=1048576 --smallest\n";
  options.file("one problem", file);
  options.number("--capacity", "BYTES", "bytes available (no limit)", 1,
                 INT64_MAX, capacity);
  options.text("--output", "FILE.csv", "writes the plan if it fits", output,
               'o');
  options.text("--best", "FILE.csv",
               "writes the best plan found, also when it does not fit", best);
  options.text("--trace", "FILE.json",
               "writes every decision: orders tried, places rejected and by "
               "which buffer",
               trace);
  options.flag("--smallest",
               "looks for the smallest peak, also when a plan fits", smallest);
  options.number("--budget", "STEPS",
                 "steps of the search (1,000 million, about two seconds)", 0,
                 INT64_MAX, budget);
  options.flag("--json", "prints JSON", json);
}

void Pack::show(const memory::Problem &problem, const memory::Plan &plan,
                bool fits) const {
  if (json) {
    nlohmann::ordered_json offsets = nlohmann::ordered_json::object();
    for (size_t i = 0; i < plan.offsets.size(); ++i)
      offsets[problem.buffers[i].name] = plan.offsets[i];
    nlohmann::ordered_json result = {
        {"buffers", problem.buffers.size()}, {"peak", plan.peak},
        {"lower_bound", plan.lowerBound},    {"optimal", plan.isOptimal()},
        {"strategy", plan.strategy},         {"fits", fits}};
    if (capacity >= 0)
      result["capacity"] = capacity;
    if (!fits)
      result["proven"] = isProven(plan);
    if (output.empty())
      result["offsets"] = offsets;
    print(dump(result));
    return;
  }
  print("buffers:     " + std::to_string(problem.buffers.size()) +
        "\npeak:        " + std::to_string(plan.peak) + " bytes" +
        (plan.isOptimal() ? " (optimal)" : "") +
        "\nlower bound: " + std::to_string(plan.lowerBound) +
        " bytes\nfound by:    " + plan.strategy + "\n");
  if (capacity >= 0)
    print("capacity:    " + std::to_string(capacity) + " bytes: " +
          (fits             ? "it fits\n"
           : isProven(plan) ? "it does not fit, which is proven\n"
                            : "nothing that fits was found before the budget "
                              "ran out\n"));
}

int Pack::run() {
  if (file.empty())
    return fail("pack: no problem was given (--help shows examples)");
  Expected<std::string> text = readFile(file);
  if (text.failed())
    return fail("pack: " + text.message());
  std::vector<std::string> errors;
  std::optional<memory::Problem> problem = memory::readCsv(*text, errors);
  for (const std::string &error : errors)
    fail("pack: " + file + ": " + error);
  if (!problem)
    return 1;
  if (std::vector<std::string> found = memory::check(*problem);
      !found.empty()) {
    for (const std::string &message : found)
      fail("pack: " + file + ": " + message);
    return 1;
  }
  if (capacity >= 0 && !smallest)
    problem->capacity = static_cast<uint64_t>(capacity);
  memory::Options options;
  options.budget = static_cast<uint64_t>(budget);
  Recorder recorder(*problem);
  options.observer = trace.empty() ? nullptr : &recorder;
  memory::Plan plan = memory::allocate(*problem, options);
  // Whether it fits is an answer; whether it is a plan is checked.
  problem->capacity.reset();
  if (std::vector<std::string> wrong = memory::verify(*problem, plan);
      !wrong.empty())
    return fail("pack: the plan is wrong: " + wrong.front(), 2);
  bool fits = capacity < 0 || plan.peak <= static_cast<uint64_t>(capacity);
  for (const std::string &path : {fits ? output : "", best})
    if (!path.empty())
      if (Status status = writeFile(path, memory::writeCsv(*problem, &plan));
          status.failed())
        return fail("pack: " + status.message());
  if (!trace.empty())
    if (Status status = writeFile(trace, dump(recorder.record));
        status.failed())
      return fail("pack: " + status.message());
  show(*problem, plan, fits);
  return fits ? 0 : 1;
}

std::unique_ptr<Command> tool::makePack() { return std::make_unique<Pack>(); }
