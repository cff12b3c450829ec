//===- Verify.cpp - narae verify ------------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/Values.h"
#include "lib/driver/Compiler.h"
#include "tools/narae/Artifacts.h"
#include "tools/narae/Command.h"
#include "tools/narae/CompileOptions.h"
#include "tools/narae/Console.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <unistd.h>

using namespace narae;
using namespace narae::tool;

namespace {
/// How an output differs from its reference.
struct Difference {
  std::string name, reason; ///< no reason: within the tolerance
  double largest = 0;       ///< largest absolute difference
};

class Verify : public Command {
public:
  void describe(Options &options) override;
  int run() override;

private:
  Status compileReference(const std::string &path) const;
  Status compare(const std::string &reference);
  Difference compareTensor(const std::string &name, const narae_tensor &have,
                           const narae_tensor &want) const;
  int show() const;

  std::string file, entry, device, reference, model;
  driver::CompileOptions compile;
  std::map<std::string, int64_t> dims;
  std::vector<std::string> inputs;
  std::vector<Difference> differences;
  double relative = 1e-3, absolute = 1e-5;
  int64_t threads = 0, seed = 0;
  bool json = false;
};
} // namespace

void Verify::describe(Options &options) {
  options.usage = "verify F.narae (--model=MODEL | --reference=R) [options]";
  options.summary =
      "Runs an artifact and a reference on the same inputs and reports the "
      "first output\nthat differs. The reference is MODEL compiled without "
      "optimisation (--opt=0,\n--exact), another artifact, or the same "
      "artifact on another device. Inputs are\nrandom. Exit code 1 when an "
      "output differs.";
  options.examples =
      "narae verify model.narae --model=model.onnx\n"
      "narae verify bert.narae --model=bert.onnx --size seq=40\n"
      "narae verify new.narae --reference=old.narae --rtol=1e-4\n";
  options.file("one artifact", file);
  options.text("--model", "MODEL", "the model that F was compiled from", model);
  options.text("--reference", "R", "another artifact, or a device", reference);
  options.text("--device", "DEVICE", "device for F (the artifact's)", device);
  options.text("--entry", "NAME", "entry to run (the first)", entry);
  addModelOptions(options, compile);
  options.table.push_back(
      {"--size", "NAME=SIZE",
       "size of a dynamic dimension of random inputs (16)", 0,
       [this](const std::string &text) { return addSize(text, dims); }});
  options.list("--input", "NAME=VALUE", "an input, as `narae run` takes it",
               inputs);
  options.real("--rtol", "X",
               "tolerance, relative to the output's largest number (1e-3)",
               relative);
  options.real("--atol", "X", "tolerance, absolute (1e-5)", absolute);
  options.number("--threads", "N", "threads to use (all cores)", 1, 4096,
                 threads);
  options.number("--seed", "N", "of random inputs (0)", 0, INT64_MAX, seed);
  options.flag("--json", "prints JSON", json);
}

Difference Verify::compareTensor(const std::string &name,
                                 const narae_tensor &have,
                                 const narae_tensor &want) const {
  Difference result{name, "", 0};
  std::vector<int64_t> shape(have.shape, have.shape + have.rank);
  if (have.type != want.type) {
    result.reason = std::string("the type is ") + narae_type_name(have.type) +
                    ", not " + narae_type_name(want.type);
    return result;
  }
  if (shape != std::vector<int64_t>(want.shape, want.shape + want.rank)) {
    result.reason = "the shapes differ";
    return result;
  }
  size_t count = 1;
  for (int64_t dim : shape)
    count *= static_cast<size_t>(dim);
  if (have.type == NARAE_STRING) {
    auto text = [](const narae_tensor &tensor, size_t i) {
      return std::string(static_cast<const char *const *>(tensor.data)[i]);
    };
    for (size_t i = 0; i < count && result.reason.empty(); ++i)
      if (text(have, i) != text(want, i))
        result.reason = "element " + std::to_string(i) + " differs";
    return result;
  }
  double scale = 0;
  for (size_t i = 0; i < count; ++i)
    if (double value = std::fabs(readElement(want.type, want.data, i));
        std::isfinite(value))
      scale = std::max(scale, value);
  double limit = isFloat(want.type) ? absolute + relative * scale : 0;
  for (size_t i = 0; i < count; ++i) {
    double a = readElement(have.type, have.data, i);
    double b = readElement(want.type, want.data, i);
    if (a == b || (std::isnan(a) && std::isnan(b)))
      continue;
    double apart = std::fabs(a - b);
    result.largest = std::max(result.largest, apart);
    if (result.reason.empty() && !(apart <= limit))
      result.reason = "element " + std::to_string(i) + " is " +
                      std::to_string(a) + ", not " + std::to_string(b);
  }
  return result;
}

/// Compiles the model as plainly as possible.
Status Verify::compileReference(const std::string &path) const {
  driver::CompileOptions plain = compile;
  plain.optLevel = 0;
  plain.exact = true;
  driver::CompileResult result = driver::compile(model, path, plain);
  if (result.status == 0)
    return Status::success();
  printDiagnostics(model, result.diagnostics);
  return Status::error("the reference could not be compiled");
}

Status Verify::compare(const std::string &referencePath) {
  Expected<ArtifactPtr> artifact = loadArtifact(file);
  if (artifact.failed())
    return artifact.status();
  bool isFile = !referencePath.empty();
  Expected<ArtifactPtr> other = loadArtifact(isFile ? referencePath : file);
  if (other.failed())
    return other.status();
  Expected<size_t> index = findEntry(artifact->get(), entry);
  if (index.failed())
    return index.status();
  Expected<size_t> otherIndex = findEntry(
      other->get(), narae_artifact_entry_name(artifact->get(), *index));
  if (otherIndex.failed())
    return Status::error("reference: " + otherIndex.message());
  Expected<std::vector<Feed>> feeds = makeInputs(
      artifact->get(), *index, inputs, dims, static_cast<uint64_t>(seed));
  if (feeds.failed())
    return feeds.status();
  int32_t team = static_cast<int32_t>(threads);
  Expected<SessionPtr> session = makeSession(artifact->get(), device, team);
  if (session.failed())
    return session.status();
  Expected<SessionPtr> otherSession =
      makeSession(other->get(), isFile ? "" : reference, team);
  if (otherSession.failed())
    return Status::error("reference: " + otherSession.message());

  Expected<std::vector<narae_tensor>> have =
      runOnce(session->get(), artifact->get(), *index, *feeds);
  if (have.failed())
    return have.status();
  Expected<std::vector<narae_tensor>> want =
      runOnce(otherSession->get(), other->get(), *otherIndex, *feeds);
  if (want.failed())
    return Status::error("reference: " + want.message());
  if (have->size() != want->size())
    return Status::error("the reference has " + std::to_string(want->size()) +
                         " outputs, the artifact " +
                         std::to_string(have->size()));
  for (size_t i = 0; i < have->size(); ++i)
    differences.push_back(
        compareTensor(narae_artifact_output(artifact->get(), *index, i)->name,
                      (*have)[i], (*want)[i]));
  return Status::success();
}

int Verify::show() const {
  const Difference *first = nullptr;
  nlohmann::ordered_json outputs = nlohmann::ordered_json::array();
  for (const Difference &output : differences) {
    bool differs = !output.reason.empty();
    if (differs && !first)
      first = &output;
    outputs.push_back({{"name", output.name},
                       {"equal", !differs},
                       {"largest_difference", output.largest},
                       {"reason", output.reason}});
    char line[64];
    std::snprintf(line, sizeof line, "largest difference %.3g", output.largest);
    if (!json)
      print(output.name + ": " + (differs ? "differs" : "equal") + ", " + line +
            "\n");
  }
  if (json)
    print(dump({{"equal", !first}, {"outputs", outputs}}));
  if (!first)
    return 0;
  return fail("verify: the first output that differs is '" + first->name +
              "': " + first->reason);
}

int Verify::run() {
  if (file.empty())
    return fail("verify: no artifact was given (--help shows examples)");
  if (model.empty() == reference.empty())
    return fail("verify: give the reference: either --model or --reference");
  driver::registerDefaultBackends();
  std::error_code error;
  std::string path;
  if (std::filesystem::is_regular_file(reference, error))
    path = reference;
  std::string temporary;
  if (!model.empty()) {
    temporary = (std::filesystem::temp_directory_path() /
                 ("narae-verify-" + std::to_string(getpid()) + ".narae"))
                    .string();
    path = temporary;
    if (Status status = compileReference(temporary); status.failed())
      return fail("verify: " + status.message());
  }
  Status status = compare(path);
  if (!temporary.empty())
    std::filesystem::remove(temporary, error);
  return status.ok() ? show() : fail("verify: " + status.message());
}

std::unique_ptr<Command> tool::makeVerify() {
  return std::make_unique<Verify>();
}
