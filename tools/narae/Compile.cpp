//===- Compile.cpp - narae compile --------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae/Command.h"
#include "tools/narae/CompileOptions.h"
#include "tools/narae/Console.h"
#include "tools/narae/Progress.h"
#include "tools/narae/StandardOutput.h"

#include <cstdio>
#include <filesystem>
#include <optional>
#include <unistd.h>

using namespace narae;
using namespace narae::tool;

Status tool::parseDim(const std::string &text, std::string &name,
                      driver::DimBounds &bounds) {
  size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0)
    return Status::error("takes NAME=V or NAME=MIN..MAX, not '" + text + "'");
  name = text.substr(0, equals);
  std::string low = text.substr(equals + 1), high = low;
  size_t dots = low.find("..");
  if (dots != std::string::npos) {
    high = low.substr(dots + 2);
    low.resize(dots);
  }
  if (Status status = parseInteger(low, 0, INT64_MAX, bounds.min);
      status.failed())
    return status;
  bounds.max = -1;
  if (high.empty())
    return Status::success();
  return parseInteger(high, bounds.min, INT64_MAX, bounds.max);
}

/// What only checkpoints and .gguf files know of.
static void addLanguageOptions(Options &options,
                               driver::CompileOptions &target) {
  driver::LanguageOptions &language = target.language;
  options.number("--batch", "N", "of a language model: sequences at a time (1)",
                 1, 1 << 20, language.batch);
  options.number("--context", "N",
                 "of a language model: positions of a sequence (the\n"
                 "model's own, or 4096 if that is less)",
                 1, int64_t(1) << 32, language.context);
  options.text("--kv-type", "TYPE",
               "of a language model's cache: f32, bf16, f16, q8_0\n"
               "(f32 where the model is f32 or with --exact, else f16)",
               language.kvType);
  options.number("--prefill-chunk", "N",
                 "of a language model: most tokens of one `prefill` (128)", 1,
                 1 << 20, language.prefillChunk);
  options.text("--quantize", "TYPE",
               "packs a language model's weights: q8_0, q4_0, q4_k (as\n"
               "stored)",
               language.quantize);
  options.list("--ignore", "NAME",
               "a key or tensor of a checkpoint that may stay unread,\n"
               "with * and ?; may be given several times",
               language.ignore);
  options.flag("--without-weights",
               "takes shapes only: MODEL may be a config.json. The\n"
               "artifact can be timed (run --timing-only), not run",
               target.withoutWeights);
}

static Option weightsOption(driver::CompileOptions &target) {
  return {"--weights", "WHERE",
          "embedded (in the artifact) or external (in the\n"
          "model's own files, which are found by name and hash)",
          0, [&target](const std::string &text) {
            target.externalWeights = text == "external";
            if (text == "external" || text == "embedded")
              return Status::success();
            return Status::error("takes embedded or external, not '" + text +
                                 "'");
          }};
}

void tool::addModelOptions(Options &options, driver::CompileOptions &target) {
  options.text("--target", "T",
               "BACKEND[:CHIP], as cpu or cpu:x86-64-v3 (cpu);\n"
               "`narae targets` lists all",
               target.target);
  addPluginOption(options);
  options.table.push_back(
      {"--dim", "NAME=V|MIN..MAX",
       "fixes or bounds a dynamic dimension; NAME is its name\n"
       "or INPUT.AXIS; may be given several times",
       0, [&target](const std::string &text) {
         std::string name;
         driver::DimBounds bounds;
         if (Status status = parseDim(text, name, bounds); status.failed())
           return status;
         target.dims[name] = bounds;
         return Status::success();
       }});
  options.text("--precision", "TYPE",
               "of weight matrices: f32, bf16 or f16 (as stored)",
               target.precision);
  addLanguageOptions(options, target);
}

namespace {
class Compile : public Command {
public:
  void describe(Options &options) override;
  int run() override;

private:
  Status finish(const driver::CompileResult &result);
  std::string defaultOutput() const;

  driver::CompileOptions compile;
  std::string model, output, report;
  int64_t devices = 1, optLevel = 3, threads = 0;
  bool json = false, quiet = false;
};
} // namespace

static Option phaseOption(const char *name, const char *help,
                          driver::Phase &target) {
  return {name, "PHASE", help, 0, [&target](const std::string &text) {
            if (driver::parsePhase(text, target))
              return Status::success();
            return Status::error("takes a phase (" + driver::phaseNames() +
                                 "), not '" + text + "'");
          }};
}

void Compile::describe(Options &options) {
  options.usage = "compile MODEL [-o F.narae] [options]";
  options.summary =
      "Compiles a model to an artifact. MODEL is an .onnx file, a checkpoint's "
      "folder\n(config.json and safetensors), a .gguf file, or an .mlir file "
      "of "
      "any phase. The\nartifact appears whole or not at all.";
  options.examples =
      "narae compile model.onnx\n"
      "narae compile bert.onnx --dim batch=1 --dim seq=1..512 -o bert.narae\n"
      "narae compile model.onnx --target=cpu:x86-64-v3 --report=report.json\n"
      "narae compile model.onnx --stop-after=graph -o graph.mlir\n"
      "narae compile EXAONE-4.0-1.2B --context=8192 -o exaone.narae\n"
      "narae compile config.json --without-weights --stop-after=schedule\n";
  options.file("one model", model);
  options.text("--output", "FILE",
               "the artifact (MODEL's name with .narae, in the\n"
               "current folder), or the IR with --stop-after (the\n"
               "standard output); - is the standard output",
               output, 'o');
  addModelOptions(options, compile);
  options.table.push_back(weightsOption(compile));
  options.number("--devices", "N", "devices to compile for (1)", 1, 1 << 20,
                 devices);
  options.number("--opt", "0..3", "0: no fusion, no optimisation (3)", 0, 3,
                 optLevel);
  options.flag("--exact", "no approximations beyond rounding of f32",
               compile.exact);
  options.flag("--emulatable",
               "keeps beside a device's code what its emulator needs\n"
               "(--device=nvidia-emulator)",
               compile.emulatable);
  options.text("--report", "FILE.json",
               "writes phase times, kernels and the memory plan", report);
  options.table.push_back(phaseOption("--stop-after",
                                      "stops after a phase and writes the IR",
                                      compile.stopAfter));
  options.table.push_back(phaseOption(
      "--start-from", "begins with a phase; MODEL is the IR before it",
      compile.startFrom));
  options.text("--dump-phases", "DIR", "writes the IR after each phase",
               compile.dumpPhases);
  options.text("--reproducer", "DIR",
               "where a failing pass leaves a reproducer",
               compile.reproducerDir);
  options.number("--threads", "N", "threads of the compiler (all cores)", 1,
                 4096, threads);
  options.flag("--json", "prints diagnostics and report as JSON", json);
  options.flag("--quiet", "prints problems only", quiet);
}

std::string Compile::defaultOutput() const {
  std::filesystem::path name = std::filesystem::path(model).filename();
  return name.replace_extension(".narae").string();
}

/// What quantised activations cost, in a line; "" where there are none.
static std::string activations(const nlohmann::ordered_json &report) {
  if (!report.contains("quantised_activations"))
    return "";
  const auto &loss = report["quantised_activations"];
  std::string text = "activations of packed weights in int8";
  if (loss.contains("loss_rms")) {
    char number[32];
    std::snprintf(number, sizeof(number), "%.2g",
                  loss["loss_rms"].get<double>());
    text += std::string(": ") + number + " of a product lost on random numbers";
  }
  return text + " (--exact: f32)\n";
}

/// What the model takes in memory, in a line or two; "" without states.
static std::string summary(const nlohmann::ordered_json &report) {
  if (!report.is_object() || !report.contains("kv_bytes_per_token"))
    return "";
  auto bytes = [&](const char *name) {
    return report[name].is_number() ? report[name].get<uint64_t>() : 0;
  };
  std::string text = "weights " + formatBytes(bytes("weight_bytes")) +
                     ", state " + formatBytes(bytes("state_bytes"));
  for (const auto &space : report["memory"])
    if (space["space"] == "arena")
      text += ", arena " + formatBytes(space["peak"].get<uint64_t>());
  return text + "\ncache of a sequence: " +
         std::to_string(bytes("kv_bytes_per_token")) + " bytes a token, " +
         formatBytes(bytes("kv_bytes_fixed")) + " fixed\n" +
         activations(report);
}

/// Writes what the driver has not written itself.
Status Compile::finish(const driver::CompileResult &result) {
  if (!report.empty())
    if (Status status = writeFile(report, result.report); status.failed())
      return status;
  if (compile.stopAfter != driver::Phase::Artifact && output.empty() && !json)
    print(result.ir);
  return Status::success();
}

int Compile::run() {
  if (model.empty())
    return fail("compile: no model was given (--help shows examples)");
  if (devices != 1)
    return fail("compile: --devices " + std::to_string(devices) +
                ": this version compiles for one device");
  if (compile.startFrom > compile.stopAfter)
    return fail("compile: --start-from is a later phase than --stop-after");
  compile.optLevel = static_cast<int>(optLevel);
  compile.threads = static_cast<int>(threads);
  bool makesArtifact = compile.stopAfter == driver::Phase::Artifact;
  bool toStandardOutput = output == "-";
  if (toStandardOutput && json)
    return fail("compile: -o - and --json both want the standard output");
  if (toStandardOutput && makesArtifact && isatty(STDOUT_FILENO))
    return fail("compile: the standard output is a terminal; an artifact goes "
                "to a file or a pipe");
  std::optional<TemporaryFile> temporary;
  if (toStandardOutput) {
    output.clear();
    if (makesArtifact) {
      auto file = TemporaryFile::create();
      if (file.failed())
        return fail("compile: " + file.message());
      temporary.emplace(std::move(*file));
      output = temporary->path();
    }
  }
  if (makesArtifact && output.empty())
    output = defaultOutput();
  std::error_code ignored;
  if (!output.empty() && std::filesystem::equivalent(model, output, ignored))
    return fail("compile: the output would replace the model, '" + model + "'");

  driver::registerDefaultBackends();
  Progress progress(quiet || json || !makesArtifact);
  compile.progress = [&](double done, const char *phase) {
    progress.update(done, phase);
  };
  driver::CompileResult result = driver::compile(model, output, compile);
  progress.finish();
  if (!json)
    printDiagnostics(model, result.diagnostics);
  int status = result.status;
  if (status == 0 && !quiet && !json)
    std::fputs(summary(parseOrText(result.report)).c_str(), stderr);
  if (status == 0)
    if (Status written = finish(result); written.failed())
      return fail("compile: " + written.message());
  if (status == 0 && temporary)
    if (Status written = temporary->print(); written.failed())
      return fail("compile: " + written.message());
  if (json) {
    nlohmann::ordered_json object = {
        {"status", status},
        {"output", status == 0 ? output : ""},
        {"diagnostics", diagnosticsJson(result.diagnostics)},
        {"report", parseOrText(result.report)}};
    if (!makesArtifact && output.empty())
      object["ir"] = result.ir;
    print(dump(object));
  }
  return status;
}

std::unique_ptr<Command> tool::makeCompile() {
  return std::make_unique<Compile>();
}
