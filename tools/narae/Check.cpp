//===- Check.cpp - narae check ------------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae/Command.h"
#include "tools/narae/CompileOptions.h"
#include "tools/narae/Console.h"

using namespace narae;
using namespace narae::tool;

namespace {
class Check : public Command {
public:
  void describe(Options &options) override {
    options.usage = "check MODEL [options]";
    options.summary =
        "Lists every op, type and attribute of a model that the target does "
        "not support,\nwith the names of the nodes, without compiling it. "
        "Exit code 1 when there is any.";
    options.examples = "narae check model.onnx\n"
                       "narae check model.onnx --target=cpu --json\n";
    options.file("one model", model);
    addModelOptions(options, compile);
    options.flag("--json", "prints JSON", json);
  }

  int run() override {
    if (model.empty())
      return fail("check: no model was given (--help shows examples)");
    driver::registerDefaultBackends();
    driver::CompileResult result = driver::check(model, compile);
    size_t errors = 0;
    for (const driver::Diagnostic &diagnostic : result.diagnostics)
      errors += diagnostic.severity == driver::Diagnostic::Error;
    bool supported = result.status == 0 && errors == 0;
    if (json) {
      print(dump({{"model", model},
                  {"target", compile.target},
                  {"supported", supported},
                  {"diagnostics", diagnosticsJson(result.diagnostics)}}));
    } else {
      printDiagnostics(model, result.diagnostics);
      print(model + ": " +
            (supported ? "can be compiled for " + compile.target
                       : std::to_string(errors) + " problem" +
                             (errors == 1 ? "" : "s")) +
            "\n");
    }
    return supported ? 0 : result.status > 1 ? result.status : 1;
  }

private:
  driver::CompileOptions compile;
  std::string model;
  bool json = false;
};
} // namespace

std::unique_ptr<Command> tool::makeCheck() { return std::make_unique<Check>(); }
