//===- Plan.cpp - narae plan --------------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/targets/TargetFiles.h"
#include "lib/driver/Describe.h"
#include "lib/driver/DescribeGraph.h"
#include "lib/plan/Html.h"
#include "lib/plan/Timeline.h"
#include "tools/narae/Command.h"
#include "tools/narae/CompileOptions.h"
#include "tools/narae/Console.h"

#include <algorithm>

using namespace narae;
using namespace narae::tool;

namespace {
class PlanCommand : public Command {
public:
  void describe(Options &options) override;
  int run() override;

private:
  bool checkTogether() const;
  bool readModel();
  bool readGraph();
  bool readPrecision();
  bool readOptions(const plan::Inventory &inventory);
  int planLanguage(const plan::Hardware &hardware, const std::string &name,
                   plan::Plan &result);
  int planOne(const std::string &target, std::vector<plan::Plan> &plans,
              std::vector<plan::Hardware> &hardwares);
  bool failsIf(const plan::Plan &plan, bool &fails) const;
  Status writePictures(const plan::Inventory &inventory,
                       const plan::Hardware &hardware,
                       const plan::Plan &plan) const;

  std::string model, target, compare, parallel, precision, kvType, failIf,
      output, trace, html;
  int64_t devices = 0, batch = 1, context = 0, chunk = 512, maxDevices = 0;
  double latency = 0;
  bool json = false, searches = false, offloads = false;
  plan::Options request;
  std::map<std::string, driver::DimBounds> dims;
  /// The model: one of language, or a graph.
  plan::Inventory inventory;
  std::optional<plan::GraphModel> graph;
};
} // namespace

void PlanCommand::describe(Options &options) {
  options.usage = "plan MODEL [options]";
  options.summary =
      "Says what a model needs on some hardware, and how fast it can be there: "
      "memory\nof every device, room, bounds and estimates of times. MODEL is "
      "a checkpoint\nfolder, a .gguf file, a bare config.json or an .onnx "
      "file; "
      "weights are not read,\nand the hardware need not be at hand. Exit code "
      "0 "
      "also when it does not fit, unless\n--fail-if says so.";
  options.examples =
      "narae plan config.json --target=nvidia:h200 --devices=4\n"
      "narae plan config.json --target=npu:rebel-quad --precision=fp8 --json\n"
      "narae plan config.json --target=nvidia:h100 --search --latency-ms=20\n"
      "narae plan config.json --compare=nvidia:h100,nvidia:h200,my-npu.json\n"
      "narae plan bert.onnx --target=npu:atom --batch=8 --dim seq=128\n";
  options.file("one model", model);
  options.text("--target", "T", "hardware: a name or a .json file (cpu)",
               target);
  options.number("--devices", "N",
                 "devices (the product of tp and pp); the most that --search "
                 "tries",
                 1, 4096, devices);
  options.text("--parallel", "tp=N,ep=N,pp=N",
               "how the model is divided (the fastest that fits)", parallel);
  options.number("--batch", "B", "sequences at a time", 1, 1 << 20, batch);
  options.table.push_back(
      {"--dim", "NAME=V",
       "fixes a dimension of an .onnx file; NAME or INPUT.AXIS", 0,
       [this](const std::string &text) {
         std::string name;
         driver::DimBounds bounds;
         if (Status status = parseDim(text, name, bounds); status.failed())
           return status;
         dims[name] = bounds;
         return Status::success();
       }});
  options.number("--context", "L",
                 "tokens of a sequence (the smaller of the model's and 4096)",
                 1, int64_t(1) << 32, context);
  options.number("--prefill-chunk", "N",
                 "tokens of a prompt computed together (512)", 1, 1 << 20,
                 chunk);
  options.text("--precision", "P",
               "f32, bf16, f16, fp8, int8 or int4 (as stored)", precision);
  options.text("--kv-type", "T",
               "of the cache: f32, bf16, f16, fp8, q8_0 (f16, or f32 with "
               "--precision=f32)",
               kvType);
  options.text("--fail-if", "WHAT",
               "exit code 1 if: not-fits, used>PERCENT, decode-ms>X or "
               "prefill-ms>X",
               failIf);
  options.flag("--search",
               "finds the layout with the fewest devices, then the least time",
               searches);
  options.real("--latency-ms", "X", "that --search must meet a token (any)",
               latency);
  options.number("--max-devices", "N", "that --search tries (64)", 1, 4096,
                 maxDevices);
  options.flag("--offload",
               "streams weights that do not fit from the host's memory",
               offloads);
  options.text("--compare", "T1,T2",
               "plans for several targets, --target first", compare);
  options.text("--output", "F", "writes the plan to a file", output, 'o');
  options.text("--trace", "F.json",
               "writes the estimated times as a trace (opens in Perfetto)",
               trace);
  options.text("--html", "F.html",
               "writes a picture with sliders for batch and context", html);
  options.flag("--json", "prints JSON", json);
}

bool PlanCommand::readPrecision() {
  const std::vector<std::string> &known = plan::precisions();
  request.precision = precision;
  if (precision.empty() ||
      std::find(known.begin(), known.end(), precision) != known.end())
    return true;
  fail("plan: there is no precision '" + precision +
       "'; there are f32, bf16, f16, fp8, int8 and int4");
  return false;
}

/// Checks what does not depend on the hardware; false after messages.
bool PlanCommand::readOptions(const plan::Inventory &inventory) {
  if (!readPrecision())
    return false;
  if (kvType.empty())
    kvType = precision == "f32" ? "f32" : "f16";
  const std::vector<std::string> types = {"f32", "bf16", "f16", "fp8", "q8_0"};
  if (std::find(types.begin(), types.end(), kvType) == types.end()) {
    fail("plan: there is no cache type '" + kvType +
         "'; there are f32, bf16, f16, fp8 and q8_0");
    return false;
  }
  int64_t most = std::max<int64_t>(inventory.maxContext, 1);
  if (context > most && inventory.maxContext > 0) {
    fail("plan: the model was made for contexts of up to " +
         std::to_string(most) + " tokens; --context is " +
         std::to_string(context));
    return false;
  }
  request.kvType = kvType;
  request.batch = batch;
  request.context = context > 0 ? context : std::min<int64_t>(most, 4096);
  request.chunk = chunk;
  request.offload = offloads;
  return true;
}

/// Options that say two things about one, or need another; false after
/// messages.
bool PlanCommand::checkTogether() const {
  const std::pair<bool, const char *> problems[] = {
      {searches && !parallel.empty(),
       "--search finds the division; leave out --parallel, or --search"},
      {searches && devices > 0 && maxDevices > 0,
       "--devices and --max-devices both limit --search; give one of them"},
      {!searches && maxDevices > 0, "--max-devices limits --search"},
      {!searches && latency > 0,
       "--latency-ms is what --search has to meet; without it, --fail-if "
       "decode-ms>X checks a plan"}};
  bool ok = true;
  for (auto [isThere, message] : problems)
    if (isThere) {
      fail(std::string("plan: ") + message);
      ok = false;
    }
  return ok;
}

/// An .onnx file; false after messages.
bool PlanCommand::readGraph() {
  const std::pair<const char *, bool> unusable[] = {
      {"--parallel", !parallel.empty()},
      {"--search", searches},
      {"--offload", offloads},
      {"--context", context > 0},
      {"--kv-type", !kvType.empty()}};
  bool ok = readPrecision();
  for (auto [name, isGiven] : unusable)
    if (isGiven) {
      fail(std::string("plan: ") + name +
           " is for language models; an .onnx file is planned as one graph on "
           "one device");
      ok = false;
    }
  if (devices > 1) {
    fail("plan: an .onnx file is planned for one device; --devices=1 works, as "
         "do a smaller --batch and a lower --precision");
    ok = false;
  }
  if (!ok)
    return false;
  std::vector<driver::Diagnostic> diagnostics;
  graph = driver::describeGraph(model, dims, batch, diagnostics);
  if (!graph)
    printDiagnostics(model, diagnostics);
  return graph.has_value();
}

bool PlanCommand::readModel() {
  if (model.size() > 5 && model.compare(model.size() - 5, 5, ".onnx") == 0)
    return readGraph();
  if (!dims.empty()) {
    fail("plan: --dim is for .onnx files; a language model has --batch and "
         "--context");
    return false;
  }
  std::vector<driver::Diagnostic> diagnostics;
  std::optional<language::LanguageModel> description =
      driver::describeModel(model, diagnostics);
  if (!description) {
    printDiagnostics(model, diagnostics);
    return false;
  }
  inventory = plan::takeStock(*description);
  return readOptions(inventory);
}

/// Chooses a layout and plans it; 0, or 1 after a message.
int PlanCommand::planLanguage(const plan::Hardware &hardware,
                              const std::string &name, plan::Plan &result) {
  plan::Options options = request;
  std::string error;
  if (searches) {
    int64_t most = devices > 0 ? devices : maxDevices > 0 ? maxDevices : 64;
    if (!plan::searchLayout(inventory, hardware, options, latency / 1e3, most,
                            result))
      return fail("plan: no layout of up to " + std::to_string(most) + " x " +
                  name + " fits" + (latency > 0 ? " and is fast enough" : "") +
                  "; try a lower --precision, --batch or --context, or more "
                  "--max-devices");
  } else {
    if (!parallel.empty()) {
      if (!plan::parseParallel(parallel, options.parallel, error))
        return fail("plan: --parallel: " + error);
      int64_t product = options.parallel.devices();
      if (devices > 0 && devices != product)
        return fail("plan: --devices is " + std::to_string(devices) +
                    ", but tp x pp is " + std::to_string(product));
      error = plan::checkParallel(inventory, options.parallel);
      if (!error.empty())
        return fail("plan: --parallel: " + error);
    } else if (!plan::chooseParallel(inventory, hardware, options,
                                     std::max<int64_t>(devices, 1),
                                     options.parallel)) {
      return fail("plan: the model cannot be divided among " +
                  std::to_string(devices) + " devices: it has " +
                  std::to_string(inventory.heads) + " heads and " +
                  std::to_string(inventory.layers) + " layers; tp x pp with " +
                  plan::possibleWays(inventory) + " works");
    }
    result = plan::makePlan(inventory, hardware, options);
  }
  if (!result.fits)
    result.advice = plan::advise(inventory, hardware, result);
  result.near = plan::planNear(inventory, hardware, result);
  return 0;
}

int PlanCommand::planOne(const std::string &name,
                         std::vector<plan::Plan> &plans,
                         std::vector<plan::Hardware> &hardwares) {
  std::string text, error;
  if (!targets::read(name, text, error))
    return fail("plan: " + error);
  std::vector<std::string> problems;
  plan::Hardware hardware = plan::readHardware(text, problems);
  for (const std::string &problem : problems)
    fail("plan: target '" + name + "': " + problem);
  if (!problems.empty())
    return 1;
  plan::Plan result;
  if (graph) {
    result = plan::makeGraphPlan(*graph, hardware, request);
    if (!result.fits)
      result.advice =
          plan::adviseGraph(*graph, hardware, result, [this](int64_t other) {
            std::vector<driver::Diagnostic> ignored;
            return driver::describeGraph(model, dims, other, ignored);
          });
  } else if (int code = planLanguage(hardware, name, result))
    return code;
  plans.push_back(std::move(result));
  hardwares.push_back(std::move(hardware));
  return 0;
}

/// Evaluates --fail-if; false when it is not understood.
bool PlanCommand::failsIf(const plan::Plan &plan, bool &fails) const {
  fails = false;
  if (failIf.empty())
    return true;
  if (failIf == "not-fits") {
    fails = !plan.fits;
    return true;
  }
  size_t sign = failIf.find('>');
  if (sign == std::string::npos)
    return false;
  char *end = nullptr;
  std::string limitText = failIf.substr(sign + 1);
  double limit = std::strtod(limitText.c_str(), &end);
  if (limitText.empty() || (*end != '\0' && std::string(end) != "%"))
    return false;
  std::string what = failIf.substr(0, sign);
  double used = 0;
  for (const plan::Space &space : plan.spaces)
    used = std::max(used, 100 * space.peak / (space.capacity - space.reserve));
  double value = what == "used"         ? used
                 : what == "decode-ms"  ? 1e3 * plan.decode.estimate
                 : what == "prefill-ms" ? 1e3 * plan.prefill.estimate
                                        : -1;
  fails = value > limit;
  return value >= 0;
}

Status PlanCommand::writePictures(const plan::Inventory &inventory,
                                  const plan::Hardware &hardware,
                                  const plan::Plan &plan) const {
  if (!trace.empty())
    if (Status status =
            writeFile(trace, graph ? plan::toTrace(*graph, hardware, plan)
                                   : plan::toTrace(inventory, hardware, plan));
        status.failed())
      return status;
  if (html.empty())
    return Status::success();
  return writeFile(html, graph ? plan::toHtml(*graph, hardware, plan)
                               : plan::toHtml(inventory, hardware, plan));
}

int PlanCommand::run() {
  if (model.empty())
    return fail("plan: no model was given (--help shows examples)");
  bool ignored = false;
  if (!failsIf({}, ignored))
    return fail("plan: --fail-if is not-fits, used>PERCENT, decode-ms>X or "
                "prefill-ms>X, not '" +
                failIf + "'");
  if (!compare.empty() && !(trace.empty() && html.empty()))
    return fail(std::string("plan: ") + (trace.empty() ? "--html" : "--trace") +
                " shows one plan; give --target instead of --compare");
  if (!checkTogether() || !readModel())
    return 1;
  std::vector<plan::Plan> plans;
  std::vector<plan::Hardware> hardwares;
  // What is compared with others is a target too.
  std::string names = target;
  if (!compare.empty())
    names += (names.empty() ? "" : ",") + compare;
  if (names.empty())
    names = "cpu";
  for (size_t begin = 0; begin <= names.size();) {
    size_t end = std::min(names.find(',', begin), names.size());
    if (int code = planOne(names.substr(begin, end - begin), plans, hardwares))
      return code;
    begin = end + 1;
  }
  std::string text;
  bool fails = false;
  for (size_t i = 0; i < plans.size(); ++i) {
    bool one = false;
    failsIf(plans[i], one);
    fails |= one;
    std::string separator = i == 0 ? "" : json ? ",\n" : "\n";
    if (json)
      text += separator + plan::toJson(plans[i], hardwares[i]);
    else if (compare.empty())
      text += plan::toText(plans[i], hardwares[i],
                           output.empty() && wantsColours());
  }
  if (!compare.empty())
    text = json ? "[" + text + "]\n" : plan::compareText(plans);
  if (Status status = writePictures(inventory, hardwares[0], plans[0]);
      status.failed())
    return fail("plan: " + status.message());
  if (!output.empty()) {
    if (Status status = writeFile(output, text); status.failed())
      return fail("plan: " + status.message());
  } else {
    print(text);
  }
  return fails ? 1 : 0;
}

std::unique_ptr<Command> tool::makePlan() {
  return std::make_unique<PlanCommand>();
}
