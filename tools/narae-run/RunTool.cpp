//===- RunTool.cpp - The command line of narae run ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae-run/RunTool.h"
#include "narae/runtime.h"
#include "runtime/DefaultBackends.h"
#include "tools/narae-run/Arguments.h"
#include "tools/narae-run/Feeds.h"
#include "tools/narae-run/NpyText.h"
#include "tools/narae-run/Report.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <sstream>

using namespace narae;

namespace {
struct ArtifactDelete {
  void operator()(narae_artifact *artifact) const {
    narae_artifact_release(artifact);
  }
};
struct SessionDelete {
  void operator()(narae_session *session) const {
    narae_session_release(session);
  }
};
} // namespace
using ArtifactPtr = std::unique_ptr<narae_artifact, ArtifactDelete>;
using SessionPtr = std::unique_ptr<narae_session, SessionDelete>;

/// Takes over a status of the C API.
static Status fromC(narae_status *status) {
  if (!status)
    return Status::success();
  Status result = Status::error(narae_status_message(status));
  narae_status_free(status);
  return result;
}

static Expected<size_t> findEntry(const narae_artifact *artifact,
                                  const std::string &name) {
  size_t number = narae_artifact_entry_count(artifact);
  if (number == 0)
    return Status::error("the artifact has no entries");
  if (name.empty())
    return size_t(0);
  std::string known;
  for (size_t i = 0; i < number; ++i) {
    std::string entry = narae_artifact_entry_name(artifact, i);
    if (entry == name)
      return i;
    known += (i ? ", " : "") + entry;
  }
  return Status::error("there is no entry '" + name + "'; there are: " + known);
}

/// The file of each output, from `--output` arguments; "" for none.
static Expected<std::vector<std::string>>
outputFiles(const std::vector<std::string> &names,
            const std::vector<std::string> &args) {
  std::vector<std::string> files(names.size());
  std::string known;
  for (const std::string &name : names)
    known += (known.empty() ? "" : ", ") + name;
  for (const std::string &argument : args) {
    std::string value;
    size_t output = splitNamed(argument, names, value);
    if (output == names.size() || value.size() < 2 || value[0] != '@')
      return Status::error("--output " + argument +
                           ": it must be NAME=@FILE.npy with an output of "
                           "this entry: " +
                           known);
    files[output] = value.substr(1);
  }
  return files;
}

static void collectTrace(void *context, const char *kernel, const char *nodes,
                         uint64_t begin, uint64_t end) {
  static_cast<std::vector<TraceEvent> *>(context)->push_back(
      {kernel, nodes, begin, end});
}

/// Runs the entry as often as asked for; the last results are the report's.
static Status runRepeatedly(narae_session *session, size_t entry,
                            std::vector<Feed> &feeds, uint64_t repeat,
                            RunReport &report) {
  std::vector<narae_tensor> inputs;
  for (Feed &feed : feeds) {
    inputs.push_back(feed.tensor());
    // Tensors without elements have an address, too.
    static char nothing;
    if (!inputs.back().data)
      inputs.back().data = &nothing;
  }
  uint64_t warmups = repeat > 1;
  for (uint64_t i = 0; i < repeat + warmups; ++i) {
    report.outputs.assign(report.names.size(), narae_tensor());
    auto begin = std::chrono::steady_clock::now();
    if (Status status = fromC(
            narae_session_run(session, entry, inputs.data(), inputs.size(),
                              report.outputs.data(), report.outputs.size()));
        status.failed())
      return status;
    std::chrono::duration<double, std::milli> time =
        std::chrono::steady_clock::now() - begin;
    if (i >= warmups)
      report.milliseconds.push_back(time.count());
  }
  return Status::success();
}

static Status writeOutputs(const RunReport &report,
                           const std::vector<std::string> &files) {
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i].empty())
      continue;
    const narae_tensor &tensor = report.outputs[i];
    std::vector<int64_t> shape(tensor.shape, tensor.shape + tensor.rank);
    Status status =
        tensor.type == NARAE_STRING
            ? writeNpyText(files[i], shape,
                           static_cast<const char *const *>(tensor.data))
            : writeNpy(files[i], tensor.type, shape, tensor.data);
    if (status.failed())
      return status;
  }
  return Status::success();
}

/// What the device measured itself; "" where it measures nothing.
static Status deviceReport(narae_session *session, const char *kind,
                           std::string &text) {
  return fromC(narae_session_device_report(
      session, kind,
      [](void *context, const char *data, size_t size) {
        static_cast<std::string *>(context)->append(data, size);
      },
      &text));
}

/// Tokens that a run of a language model's entry takes; 0 for other models.
static uint64_t tokensOf(const narae_artifact *artifact, size_t entry,
                         std::vector<Feed> &feeds) {
  if (!std::strstr(narae_artifact_metadata(artifact), "\"language_model\""))
    return 0;
  for (size_t i = 0; i < feeds.size(); ++i) {
    if (std::strcmp(narae_artifact_input(artifact, entry, i)->name, "tokens"))
      continue;
    uint64_t count = 1;
    narae_tensor tensor = feeds[i].tensor();
    for (size_t axis = 0; axis < tensor.rank; ++axis)
      count *= static_cast<uint64_t>(tensor.shape[axis]);
    return count;
  }
  return 0;
}

static Status runArtifact(const RunArguments &arguments) {
  std::vector<std::string> plugins = arguments.plugins;
  const char *list = std::getenv("NARAE_PLUGINS");
  std::istringstream paths(list ? list : "");
  for (std::string path; std::getline(paths, path, ':');)
    if (!path.empty())
      plugins.push_back(path);
  for (const std::string &plugin : plugins)
    if (Status status = fromC(narae_load_plugin(plugin.c_str()));
        status.failed())
      return status;
  narae_load_options loadOptions = {
      sizeof(loadOptions), arguments.verify,
      arguments.weightsDir.empty() ? nullptr : arguments.weightsDir.c_str()};
  narae_artifact *loaded = nullptr;
  if (Status status = fromC(
          narae_artifact_load(arguments.file.c_str(), &loadOptions, &loaded));
      status.failed())
    return status;
  ArtifactPtr artifact(loaded);

  Expected<size_t> entry = findEntry(artifact.get(), arguments.entry);
  if (entry.failed())
    return entry.status();
  RunReport report;
  report.entry = narae_artifact_entry_name(artifact.get(), *entry);
  for (size_t i = 0; i < narae_artifact_output_count(artifact.get(), *entry);
       ++i)
    report.names.push_back(
        narae_artifact_output(artifact.get(), *entry, i)->name);
  Expected<std::vector<std::string>> files =
      outputFiles(report.names, arguments.outputs);
  if (files.failed())
    return files.status();
  Expected<std::vector<Feed>> feeds =
      makeFeeds(artifact.get(), *entry, arguments.inputs, arguments.seed);
  if (feeds.failed())
    return feeds.status();

  std::string device =
      arguments.device + (arguments.timingOnly ? ",timing-only" : "");
  narae_session_options sessionOptions = {
      sizeof(sessionOptions), device.empty() ? nullptr : device.c_str(),
      arguments.threads};
  narae_session *created = nullptr;
  if (Status status = fromC(
          narae_session_create(artifact.get(), &sessionOptions, &created));
      status.failed())
    return status;
  SessionPtr session(created);
  std::vector<TraceEvent> events;
  if (!arguments.trace.empty())
    narae_session_set_trace(session.get(), collectTrace, &events);
  if (Status status = runRepeatedly(session.get(), *entry, *feeds,
                                    arguments.repeat, report);
      status.failed())
    return status;
  report.showTime = arguments.repeat > 1;
  report.timingOnly = arguments.timingOnly;
  report.runs = arguments.repeat + (arguments.repeat > 1);
  report.tokens = tokensOf(artifact.get(), *entry, *feeds);
  report.arenaBytes = narae_session_arena_bytes(session.get());
  report.weightBytes = narae_artifact_weight_bytes(artifact.get());

  if (Status status = writeOutputs(report, *files); status.failed())
    return status;
  std::string deviceTrace;
  for (auto [kind, text] : {std::pair("text", &report.deviceText),
                            std::pair("json", &report.deviceJson),
                            std::pair("trace", &deviceTrace)})
    if (Status status = deviceReport(session.get(), kind, *text);
        status.failed())
      return status;
  if (!arguments.trace.empty())
    if (Status status = deviceTrace.empty()
                            ? writeTrace(arguments.trace, events)
                            : writeText(arguments.trace, deviceTrace);
        status.failed())
      return status;
  std::string text = arguments.json ? formatJson(report) : formatText(report);
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() ||
      std::fflush(stdout) != 0)
    return Status::error("cannot write to the standard output");
  return Status::success();
}

static int fail(const std::string &program, const std::string &message,
                int code) {
  std::fprintf(stderr, "%s: error: %s\n", program.c_str(), message.c_str());
  return code;
}

int narae::runMain(int argc, char **argv) {
  std::string program = argc > 0 && argv[0] ? argv[0] : "narae-run";
  program = program.substr(program.rfind('/') + 1);
  try {
    Expected<RunArguments> arguments = parseRunArguments(argc, argv);
    if (arguments.failed())
      return fail(program, arguments.message(), 1);
    if (arguments->help || arguments->version) {
      std::string text = arguments->help
                             ? runHelp(program)
                             : "narae " + std::string(narae_version()) + "\n";
      std::fputs(text.c_str(), stdout);
      return 0;
    }
    registerDefaultBackends();
    Status status = runArtifact(*arguments);
    return status.ok() ? 0 : fail(program, status.message(), 1);
  } catch (const std::bad_alloc &) {
    return fail(program, "out of memory", 1);
  } catch (const std::exception &failure) {
    return fail(program, std::string("internal error: ") + failure.what(), 2);
  }
}
