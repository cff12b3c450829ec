//===- Targets.cpp - narae targets --------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "narae/runtime.h"
#include "tools/narae/Command.h"
#include "tools/narae/CompileOptions.h"
#include "tools/narae/Console.h"

#include <algorithm>

using namespace narae;
using namespace narae::tool;
using Json = nlohmann::ordered_json;

namespace {
class Targets : public Command {
public:
  void describe(Options &options) override {
    options.usage = "targets [TARGET] [--devices] [--json]";
    options.summary = "Lists what can be compiled for, or describes one "
                      "target: memories, compute units,\ntypes and rates.";
    options.examples = "narae targets\nnarae targets cpu:x86-64-v4\n"
                       "narae targets --devices\n";
    options.file("one target", target);
    addPluginOption(options);
    options.flag("--devices", "lists the devices that artifacts can run on",
                 devices);
    options.flag("--json", "prints JSON", json);
  }

  int run() override {
    driver::registerDefaultBackends();
    if (devices)
      return listDevices();
    if (!target.empty()) {
      std::string error;
      std::string description = driver::describeTarget(target, error);
      if (!error.empty())
        return fail("targets: " + error);
      print(dump(parseOrText(description)));
      return 0;
    }
    std::vector<std::string> names = driver::targets();
    if (json)
      print(dump(names));
    for (const std::string &name : names)
      if (!json)
        print(name + "\n");
    return 0;
  }

private:
  int listDevices();

  std::string target;
  bool json = false, devices = false;
};

/// Columns of the table: heading, field, whether a number (to the right).
struct Column {
  const char *heading, *field;
  bool number;
};
constexpr Column columns[] = {
    {"device", "name", false},        {"kind", "kind", false},
    {"chiplets", "chiplets", true},   {"cores", "cores", true},
    {"memory", "memory_bytes", true}, {"reserved", "reserved_bytes", true},
    {"version", "version", false},    {"description", "description", false}};
} // namespace

/// One cell; "-" for what a backend does not say.
static std::string cell(const Json &device, const std::string &field) {
  auto found = device.find(field);
  if (found == device.end() || found->is_null())
    return "-";
  bool isSize =
      field.size() > 6 && field.compare(field.size() - 6, 6, "_bytes") == 0;
  if (isSize && found->is_number_unsigned())
    return formatBytes(found->get<uint64_t>());
  return found->is_string() ? found->get<std::string>() : found->dump();
}

int Targets::listDevices() {
  if (!target.empty())
    return fail("targets: --devices lists all devices and takes no target");
  std::string text;
  narae_status *status = narae_list_devices(
      [](void *context, const char *data, size_t size) {
        static_cast<std::string *>(context)->append(data, size);
      },
      &text);
  if (status) {
    std::string message = narae_status_message(status);
    narae_status_free(status);
    return fail("targets: " + message);
  }
  Json all = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!all.is_object())
    return fail("targets: a backend lists its devices with no JSON array");
  if (json) {
    print(dump(all));
    return 0;
  }
  std::vector<std::vector<std::string>> rows(1);
  for (const Column &column : columns)
    rows[0].push_back(column.heading);
  std::string problems;
  for (const auto &[backend, list] : all.items()) {
    if (list.is_string())
      problems += "targets: " + backend + ": " + list.get<std::string>() + "\n";
    // A backend that lists none runs on what its name alone opens.
    Json devices = list.is_null() ? Json::array({{{"name", backend}}}) : list;
    for (const Json &device : devices.is_array() ? devices : Json::array()) {
      if (!device.is_object())
        continue;
      rows.emplace_back();
      for (const Column &column : columns)
        rows.back().push_back(cell(device, column.field));
    }
  }
  std::vector<size_t> widths(std::size(columns));
  for (const std::vector<std::string> &row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  for (const std::vector<std::string> &row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      std::string space(widths[i] - row[i].size(), ' ');
      line += (i ? "  " : "") +
              (columns[i].number ? space + row[i] : row[i] + space);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    print(line + "\n");
  }
  return problems.empty() ? 0 : fail(problems.substr(0, problems.size() - 1));
}

std::unique_ptr<Command> tool::makeTargets() {
  return std::make_unique<Targets>();
}
