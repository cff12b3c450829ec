//===- Conformance.cpp - narae conformance --------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Shows what the kit of lib/conformance says. The checks run in a process of
// their own (Isolated.h), so that a backend that crashes fails one check.
//
//===----------------------------------------------------------------------===//

#include "lib/conformance/Kit.h"
#include "runtime/Registry.h"
#include "tools/narae/Command.h"
#include "tools/narae/CompileOptions.h"
#include "tools/narae/Console.h"
#include "tools/narae/Isolated.h"

#include <algorithm>

using namespace narae;
using namespace narae::tool;
using conformance::Outcome;

namespace {
/// How many checks of a group, or of an op, ended how.
struct Tally {
  size_t counts[3] = {};
  void add(Outcome outcome) { ++counts[static_cast<size_t>(outcome)]; }
  size_t of(Outcome outcome) const {
    return counts[static_cast<size_t>(outcome)];
  }
};

class Conformance : public Command {
public:
  void describe(Options &options) override;
  int run() override;

private:
  Status choose();
  void showTable(const std::string &title,
                 const std::vector<std::pair<std::string, Tally>> &rows) const;
  int show() const;

  conformance::Options kit;
  std::string only;
  bool json = false, verbose = false, list = false;
  std::vector<conformance::Check> checks;
  std::vector<conformance::Verdict> verdicts;
};
} // namespace

void Conformance::describe(Options &options) {
  options.usage = "conformance --plugin P.so | --target=T [options]";
  options.summary =
      "Checks a backend: its tables, copies, queues, memory, errors, "
      "compiling, "
      "sessions,\nand the numbers of every op and type that it takes, against "
      "float64. Each check\npasses, fails, or is not supported, which is no "
      "failure where the backend says why.\nExit code 1 when one fails.";
  options.examples = "narae conformance --plugin libnarae-abacus.so\n"
                     "narae conformance --target=cpu --only=matmul --verbose\n";
  addPluginOption(options);
  options.text("--target", "T", "target to compile for (the plugin's)",
               kit.target);
  options.text("--device", "D", "device to run on (the target's backend)",
               kit.device);
  options.text("--only", "TEXT", "runs checks with TEXT in their name alone",
               only);
  options.flag("--list", "lists the checks and runs none", list);
  options.flag("--verbose", "shows each check, also those that passed",
               verbose);
  options.flag("--json", "prints JSON", json);
}

/// The first chip of a backend that needs one; `otherwise` for none.
static std::string firstChip(const std::string &backend,
                             const std::string &otherwise) {
  for (const std::string &name : driver::targets())
    if (name.compare(0, backend.size() + 1, backend + ":") == 0)
      return name;
  return otherwise;
}

/// Whether a backend has a device of that name.
static bool listsDevice(const NaraeBackendRuntime &table,
                        const std::string &name) {
  if (!NARAE_RUNTIME_HAS(&table, list_devices))
    return false;
  std::string text;
  char error[256] = "";
  auto append = [](void *context, const char *data, size_t size) {
    static_cast<std::string *>(context)->append(data, size);
  };
  if (table.list_devices(append, &text, error, sizeof error) != 0)
    return false;
  nlohmann::json devices = nlohmann::json::parse(text, nullptr, false);
  for (const nlohmann::json &device : devices)
    if (device.is_object() && device.value("name", "") == name)
      return true;
  return false;
}

/// Finds the two sides of the backend that is meant.
Status Conformance::choose() {
  if (kit.target.empty() && kit.device.empty()) {
    kit.target = lastPlugin().target;
    kit.device = lastPlugin().device;
  }
  const std::string either = kit.target.empty() ? kit.device : kit.target;
  if (either.empty())
    return Status::error("which backend? Give --plugin or --target");
  std::string error, backend = either.substr(0, either.find_first_of(":,"));
  bool asked = !kit.target.empty();
  std::string target = asked ? kit.target : backend;
  if (target == backend && driver::describeTarget(target, error).empty())
    target = firstChip(backend, target);
  if (!driver::describeTarget(target, error = "").empty())
    kit.target = target;
  else if (asked)
    return Status::error(error);
  if (!kit.device.empty() && kit.device != backend)
    return runtime::findBackend(kit.device).status();
  Expected<const NaraeBackendRuntime *> table = runtime::findBackend(backend);
  if (table.ok())
    kit.device = listsDevice(**table, kit.target) ? kit.target : backend;
  return kit.target.empty() ? table.status() : Status::success();
}

void Conformance::showTable(
    const std::string &title,
    const std::vector<std::pair<std::string, Tally>> &rows) const {
  size_t width = title.size();
  for (auto &[name, tally] : rows)
    width = std::max(width, name.size());
  auto line = [&](std::string name, const std::string &passed,
                  const std::string &failed, const std::string &unsupported) {
    name.resize(width, ' ');
    auto right = [](const std::string &text, size_t size) {
      return std::string(size > text.size() ? size - text.size() : 0, ' ') +
             text;
    };
    print(name + right(passed, 9) + right(failed, 9) + right(unsupported, 16) +
          "\n");
  };
  line(title, "passed", "failed", "not supported");
  for (auto &[name, tally] : rows) {
    auto count = [&tally = tally](Outcome outcome) {
      size_t number = tally.of(outcome);
      return number ? std::to_string(number) : std::string("-");
    };
    line(name, count(Outcome::Passed), count(Outcome::Failed),
         count(Outcome::Unsupported));
  }
  print("\n");
}

/// The row of a name, added where it is new.
static Tally &rowOf(std::vector<std::pair<std::string, Tally>> &rows,
                    const std::string &name) {
  for (auto &[known, tally] : rows)
    if (known == name)
      return tally;
  rows.push_back({name, {}});
  return rows.back().second;
}

int Conformance::show() const {
  std::vector<std::pair<std::string, Tally>> groups, ops;
  Tally all;
  nlohmann::ordered_json entries = nlohmann::ordered_json::array();
  std::string failures, details;
  for (size_t i = 0; i < checks.size(); ++i) {
    const conformance::Check &check = checks[i];
    const conformance::Verdict &verdict = verdicts[i];
    all.add(verdict.outcome);
    rowOf(groups, check.group).add(verdict.outcome);
    if (check.group == "numerics")
      rowOf(ops, check.name.substr(0, check.name.find(' ')))
          .add(verdict.outcome);
    entries.push_back({{"group", check.group},
                       {"name", check.name},
                       {"outcome", conformance::outcomeName(verdict.outcome)},
                       {"detail", verdict.detail}});
    std::string line = check.group + ": " + check.name + ": " +
                       conformance::outcomeName(verdict.outcome) +
                       (verdict.detail.empty() ? "" : ": " + verdict.detail) +
                       "\n";
    details += line;
    if (verdict.outcome == Outcome::Failed)
      failures += line;
  }
  size_t failed = all.of(Outcome::Failed);
  if (json) {
    print(dump({{"target", kit.target},
                {"device", kit.device},
                {"passed", all.of(Outcome::Passed)},
                {"failed", failed},
                {"not_supported", all.of(Outcome::Unsupported)},
                {"checks", entries}}));
    return failed ? 1 : 0;
  }
  if (verbose)
    print(details + "\n");
  showTable("group", groups);
  if (!ops.empty())
    showTable("numerics", ops);
  if (failed && !verbose)
    print(failures + "\n");
  print("target " + (kit.target.empty() ? "none" : kit.target) + ", device " +
        (kit.device.empty() ? "none" : kit.device) + ": " +
        std::to_string(all.of(Outcome::Passed)) + " checks passed, " +
        std::to_string(failed) + " failed, " +
        std::to_string(all.of(Outcome::Unsupported)) + " not supported\n");
  return failed ? 1 : 0;
}

int Conformance::run() {
  driver::registerDefaultBackends();
  if (Status status = choose(); status.failed())
    return fail("conformance: " + status.message());
  for (conformance::Check &check : conformance::makeChecks(kit))
    if ((check.group + ": " + check.name).find(only) != std::string::npos)
      checks.push_back(std::move(check));
  if (checks.empty())
    return fail("conformance: no check's name contains '" + only +
                "' (--list shows all)");
  if (list) {
    for (const conformance::Check &check : checks)
      print(check.group + ": " + check.name + "\n");
    return 0;
  }
  Expected<std::vector<conformance::Verdict>> results =
      runIsolated(kit, checks, !json);
  if (results.failed())
    return fail("conformance: " + results.message());
  verdicts = std::move(*results);
  return show();
}

std::unique_ptr<Command> tool::makeConformance() {
  return std::make_unique<Conformance>();
}
