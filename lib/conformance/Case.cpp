//===- Case.cpp - One graph of one op, and what it must give --------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/conformance/Case.h"
#include "lib/driver/Compiler.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace narae;
using namespace narae::conformance;

std::string conformance::kitFolder(int process) {
  std::error_code error;
  return (std::filesystem::temp_directory_path(error) /
          ("narae-conformance-" + std::to_string(process)))
      .string();
}

void conformance::removeKitFolder() {
  std::error_code error;
  std::filesystem::remove_all(kitFolder(getpid()), error);
}

std::string conformance::kitFile(const std::string &name) {
  std::error_code error;
  std::filesystem::path folder = kitFolder(getpid());
  std::filesystem::create_directories(folder, error);
  return (folder / name).string();
}

std::string conformance::writeText(const std::string &name,
                                   const std::string &text) {
  std::string path = kitFile(name);
  std::ofstream(path) << text;
  return path;
}

std::string conformance::messageOf(narae_status *status) {
  std::string message = status ? narae_status_message(status) : "";
  if (status && message.empty())
    message = "an error without a message";
  narae_status_free(status);
  return message;
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

static std::string number(narae_type type, double value) {
  if (type == NARAE_BOOL)
    return value != 0 ? "true" : "false";
  char text[40];
  std::snprintf(text, sizeof text, isFloatType(type) ? "%.17e" : "%.0f", value);
  return text;
}

static std::string dense(const Array &array) {
  if (array.shape.empty())
    return "dense<" + number(array.type, array.values[0]) + ">";
  std::string list;
  for (double value : array.values)
    list += (list.empty() ? "" : ", ") + number(array.type, value);
  return "dense<" + (array.values.empty() ? "" : "[" + list + "]") + ">";
}

static void append(std::string &list, const std::string &item) {
  list += (list.empty() ? "" : ", ") + item;
}

static std::string function(const Case &test, size_t index) {
  std::string arguments, operands, types, results, values, constants;
  for (size_t i = 0; i < test.operands.size(); ++i) {
    const Operand &operand = test.operands[i];
    std::string type = mlirType(operand.array);
    std::string name = "%x" + std::to_string(i);
    append(operands, name);
    append(types, type);
    if (operand.constant)
      constants += "    " + name + " = fm.constant " + dense(operand.array) +
                   " : " + type + " : " + type + "\n";
    else
      append(arguments, name + ": " + type);
  }
  std::string result = "%r";
  for (size_t i = 0; i < test.results.size(); ++i) {
    append(results, mlirType(test.results[i].array));
    append(values, test.results.size() > 1 ? "%r#" + std::to_string(i) : "%r");
  }
  if (test.results.size() > 1)
    result += ":" + std::to_string(test.results.size());
  std::string name = "case" + std::to_string(index);
  return "  func.func @" + name + "(" + arguments + ") -> (" + results +
         ") {\n" + constants + "    " + result + " = fm." + test.op + " " +
         operands +
         (test.attributes.empty() ? "" : " {" + test.attributes + "}") +
         " : (" + types + ") -> (" + results + ") loc(\"" + name + " (fm." +
         test.op + ")\")\n    return " + values + " : " + results + "\n  }\n";
}

std::string conformance::moduleText(const std::vector<const Case *> &cases) {
  std::string text = "module {\n";
  for (size_t i = 0; i < cases.size(); ++i)
    text += function(*cases[i], i);
  return text + "}\n";
}

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

static std::string errors(const driver::CompileResult &result) {
  std::string text;
  for (const driver::Diagnostic &diagnostic : result.diagnostics)
    if (diagnostic.severity == driver::Diagnostic::Error)
      text += (text.empty() ? "" : "; ") + diagnostic.message;
  return text;
}

static driver::CompileOptions optionsFor(const std::string &target) {
  driver::CompileOptions options;
  // The device may be an emulator.
  options.emulatable = true;
  options.target = target;
  return options;
}

Status conformance::compileText(const std::string &text,
                                const std::string &target,
                                const std::string &name, std::string &path) {
  std::string source = writeText(name + ".mlir", text);
  path = kitFile(name + ".narae");
  driver::CompileResult result =
      driver::compile(source, path, optionsFor(target));
  if (result.status == 0)
    return Status::success();
  std::string message = errors(result);
  return Status::error(message.empty() ? "no diagnostic says why" : message);
}

Verdict conformance::supportsText(const std::string &text,
                                  const std::string &target,
                                  const std::string &name) {
  driver::CompileResult result =
      driver::check(writeText(name + ".mlir", text), optionsFor(target));
  if (result.status == 0)
    return passed();
  // What does not even parse is the kit's mistake.
  driver::CompileResult parsed = driver::runPipeline(text, "");
  if (parsed.status != 0)
    return failed("the kit's own graph is wrong: " + errors(parsed));
  std::string reason = errors(result);
  return reason.empty() ? failed("refused without a reason")
                        : unsupported(reason);
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

Expected<std::unique_ptr<Program>> Program::make(const std::string &text,
                                                 const std::string &target,
                                                 const std::string &device,
                                                 const std::string &name) {
  std::string path;
  if (Status status = compileText(text, target, name, path); status.failed())
    return Status::error("it could not be compiled: " + status.message());
  std::unique_ptr<Program> program(new Program());
  std::string message =
      messageOf(narae_artifact_load(path.c_str(), nullptr, &program->file));
  if (!message.empty())
    return Status::error("the artifact could not be loaded: " + message);
  narae_session_options options = {
      sizeof(options), device.empty() ? nullptr : device.c_str(), 0};
  message = messageOf(
      narae_session_create(program->file, &options, &program->session));
  if (!message.empty())
    return Status::error("there could be no session: " + message);
  return program;
}

Program::~Program() {
  narae_session_release(session);
  narae_artifact_release(file);
}

std::string conformance::runCase(narae_session *session, size_t entry,
                                 const Case &test) {
  std::vector<std::vector<char>> memory;
  std::vector<narae_tensor> inputs;
  for (const Operand &operand : test.operands) {
    if (operand.constant)
      continue;
    memory.push_back(toBytes(operand.array));
    inputs.push_back({operand.array.type, operand.array.shape.size(),
                      operand.array.shape.data(), memory.back().data()});
  }
  std::vector<narae_tensor> outputs(test.results.size());
  std::string message =
      messageOf(narae_session_run(session, entry, inputs.data(), inputs.size(),
                                  outputs.data(), outputs.size()));
  if (!message.empty())
    return "it could not be run: " + message;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Array &want = test.results[i].array;
    std::string which =
        outputs.size() > 1 ? "result " + std::to_string(i) + ": " : "";
    if (outputs[i].type != want.type ||
        Shape(outputs[i].shape, outputs[i].shape + outputs[i].rank) !=
            want.shape)
      return which + "another type or shape";
    std::string text = difference(test.results[i], outputs[i].data);
    if (!text.empty())
      return which + text;
  }
  return "";
}

std::string Program::run(size_t entry, const Case &test) {
  return runCase(session, entry, test);
}
