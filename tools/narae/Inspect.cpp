//===- Inspect.cpp - narae inspect ----------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae/Inspect.h"
#include "runtime/Registry.h"
#include "tools/narae/Artifacts.h"
#include "tools/narae/Command.h"
#include "tools/narae/CompileOptions.h"
#include "tools/narae/Console.h"
#include "tools/narae/Disassemble.h"

#include <filesystem>
#include <map>

using namespace narae;
using namespace narae::tool;
using namespace narae::artifact;
using Json = nlohmann::ordered_json;

namespace {
class Inspect : public tool::Command {
public:
  void describe(Options &options) override;
  int run() override;

private:
  Status disassembleObjects(const Reader &reader) const;
  Status extractObjects(const Reader &reader) const;
  void show(const Reader &reader, const Json &json) const;

  std::string file, extract, html;
  std::map<std::string, int64_t> sizes;
  bool json = false, commands = false, buffers = false, code = false;
};
} // namespace

void Inspect::describe(Options &options) {
  options.usage = "inspect F.narae [options]";
  options.summary = "Shows what is in an artifact: entries, inputs, outputs, "
                    "kernels with the model's\nnodes, memory, target, "
                    "sections and weights. Runs nothing of it.";
  options.examples = "narae inspect model.narae\n"
                     "narae inspect model.narae --json | jq .kernels\n"
                     "narae inspect model.narae --disassemble | less\n"
                     "narae inspect model.narae --html=memory.html\n"
                     "narae inspect model.narae --extract=objects\n";
  options.file("one artifact", file);
  options.flag("--commands", "adds the host program, command by command",
               commands);
  options.flag("--buffers", "adds the buffers with their lifetimes", buffers);
  addPluginOption(options);
  options.flag("--disassemble", "prints the machine code of kernels instead",
               code);
  options.text("--extract", "DIR", "writes the target's objects to a folder",
               extract);
  options.text("--html", "F.html",
               "writes a picture of the memory of each entry", html);
  options.table.push_back(
      {"--size", "NAME=SIZE",
       "of a dynamic dimension in the picture (the largest, or 16)", 0,
       [this](const std::string &text) { return addSize(text, sizes); }});
  options.flag("--json", "prints JSON", json);
}

/// A backend's listing, with the model's nodes behind "KERNEL:" lines.
static std::string annotated(const std::string &listing,
                             const std::map<std::string, std::string> &nodes) {
  std::string result;
  for (size_t begin = 0; begin < listing.size();) {
    size_t end = std::min(listing.find('\n', begin), listing.size());
    std::string line = listing.substr(begin, end - begin);
    begin = end + 1;
    auto found = !line.empty() && line.back() == ':'
                     ? nodes.find(line.substr(0, line.size() - 1))
                     : nodes.end();
    result +=
        line + (found == nodes.end() ? "" : "  # " + found->second) + "\n";
  }
  return result;
}

/// Kernels by name, with the model's nodes: as the backend prints them, or as
/// machine code where objects are ELF.
Status Inspect::disassembleObjects(const Reader &reader) const {
  const Program &program = reader.program();
  std::map<std::string, std::string> nodes;
  for (uint32_t i = 0; program.kernels() && i < program.kernels()->size();
       ++i) {
    const Kernel &kernel = *program.kernels()->Get(i);
    if (kernel.name() && kernel.nodes())
      nodes[kernel.name()->str()] = kernel.nodes()->str();
  }
  auto heading = [&](const std::string &name) {
    auto found = nodes.find(name);
    return name + ":" + (found == nodes.end() ? "" : "  # " + found->second);
  };
  uint32_t number = program.objects() ? program.objects()->size() : 0;
  std::string backend = program.backend() ? program.backend()->str() : "";
  for (uint32_t i = 0; i < number; ++i) {
    Bytes bytes = reader.object(i);
    Expected<std::string> text =
        runtime::disassemble(backend, bytes.data, bytes.size);
    if (text.failed())
      return text.status();
    if (!text->empty()) {
      print(annotated(*text, nodes));
      continue;
    }
    if (Status status = disassemble(bytes.data, bytes.size, heading);
        status.failed())
      return status;
  }
  return Status::success();
}

Status Inspect::extractObjects(const Reader &reader) const {
  std::error_code error;
  std::filesystem::create_directories(extract, error);
  const Program &program = reader.program();
  uint32_t number = program.objects() ? program.objects()->size() : 0;
  for (uint32_t i = 0; i < number; ++i) {
    Bytes bytes = reader.object(i);
    // The name is untrusted: only letters and digits become an extension.
    std::string format, given = program.objects()->Get(i)->format()
                                    ? program.objects()->Get(i)->format()->str()
                                    : "";
    for (char c : given)
      if (std::isalnum(static_cast<unsigned char>(c)))
        format += c;
    std::string path =
        (std::filesystem::path(extract) / (std::to_string(i) + "." + format))
            .string();
    if (Status status =
            writeFile(path, std::string(static_cast<const char *>(bytes.data),
                                        bytes.size));
        status.failed())
      return status;
  }
  return Status::success();
}

static std::string member(const Json &json, const char *name) {
  auto found = json.is_object() ? json.find(name) : json.end();
  if (!json.is_object() || found == json.end())
    return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

static void showEntry(const Program &program, const Entry &entry) {
  print("\nentry " + (entry.name() ? entry.name()->str() : "") + "\n");
  auto list = [&](const char *what, const auto *tensors) {
    for (uint32_t i = 0; tensors && i < tensors->size(); ++i) {
      const TensorSpec &spec = *tensors->Get(i);
      print(std::string("  ") + what + (spec.name() ? spec.name()->str() : "") +
            ": " + formatTensor(program, spec) + "\n");
    }
  };
  list("input   ", entry.inputs());
  list("output  ", entry.outputs());
  print("  " + std::to_string(entry.commands() ? entry.commands()->size() : 0) +
        " commands, " +
        std::to_string(entry.dispatches() ? entry.dispatches()->size() : 0) +
        " dispatches, " +
        std::to_string(entry.buffers() ? entry.buffers()->size() : 0) +
        " buffers\n");
}

/// What sessions keep, and what travels along.
static void showState(const Json &object) {
  if (!object["states"].empty())
    print("states    " + std::to_string(object["states"].size()) + ", " +
          formatBytes(object["state_bytes"].get<uint64_t>()) + "\n");
  for (const Json &state : object["states"])
    print("  " + member(state, "name") + ": " + member(state, "type") +
          member(state, "shape") + " " + member(state, "kind") + "\n");
  for (const Json &attachment : object["attachments"])
    print("attached  " + member(attachment, "name") + ", " +
          formatBytes(attachment["bytes"].get<uint64_t>()) + "\n");
  if (!member(object, "metadata").empty())
    print("metadata  " + member(object, "metadata") + "\n");
}

void Inspect::show(const Reader &reader, const Json &object) const {
  const Program &program = reader.program();
  std::error_code error;
  print(file + ": " + formatBytes(std::filesystem::file_size(file, error)) +
        ", format " + member(object, "format") + "\n");
  print("compiler  " + member(object, "compiler") + "\nbackend   " +
        member(object, "backend") + "\noptions   " + member(object, "options") +
        "\n");
  std::string target = member(object["target"], "chip");
  print("target    " + (target.empty() ? "?" : target) + "\n");
  for (uint32_t i = 0; program.entries() && i < program.entries()->size();
       ++i) {
    const Entry &entry = *program.entries()->Get(i);
    showEntry(program, entry);
    if (commands)
      print(formatCommands(program, entry));
    for (const Json &buffer : object["entries"][i]["buffers"])
      if (buffers)
        print("  " + member(buffer, "kind") + " " + member(buffer, "type") +
              " commands " + member(buffer, "first") + ".." +
              member(buffer, "last") + " " + member(buffer, "name") + "\n");
  }
  print("\nkernels   " + std::to_string(object["kernels"].size()) + "\n");
  for (const Json &kernel : object["kernels"])
    print("  " + member(kernel, "name") + ": " + member(kernel, "nodes") +
          "\n");
  Json memory = object["report"].is_object()
                    ? object["report"].value("memory", Json())
                    : Json();
  if (!memory.is_null())
    print("\nmemory plan\n" + dump(memory));
  print("\nweights   " + std::to_string(object["weights"].size()) + ", " +
        formatBytes(reader.weightBytes()) + "\n");
  showState(object);
  print("sections\n");
  for (const Json &section : object["sections"])
    print("  " + member(section, "kind") + " at " + member(section, "offset") +
          ", " + formatBytes(section["bytes"].get<uint64_t>()) + "\n");
}

int Inspect::run() {
  if (file.empty())
    return fail("inspect: no artifact was given (--help shows examples)");
  ReadOptions options;
  options.skipExternalWeights = true;
  Expected<std::unique_ptr<Reader>> reader = Reader::open(file, options);
  if (reader.failed())
    return fail("inspect: " + reader.message());
  if (!extract.empty())
    if (Status status = extractObjects(**reader); status.failed())
      return fail("inspect: " + status.message());
  if (!html.empty()) {
    std::string title = std::filesystem::path(file).filename().string();
    Expected<std::string> page = inspectHtml(**reader, title, sizes);
    if (page.failed())
      return fail("inspect: " + page.message());
    if (Status status = writeFile(html, *page); status.failed())
      return fail("inspect: " + status.message());
  } else if (!sizes.empty()) {
    return fail("inspect: --size is for the picture that --html writes");
  }
  if (code) {
    driver::registerDefaultBackends();
    Status status = disassembleObjects(**reader);
    return status.failed() ? fail("inspect: " + status.message()) : 0;
  }
  Json object = inspectJson(**reader, commands);
  if (json)
    print(dump(object));
  else
    show(**reader, object);
  return 0;
}

std::unique_ptr<tool::Command> tool::makeInspect() {
  return std::make_unique<Inspect>();
}
