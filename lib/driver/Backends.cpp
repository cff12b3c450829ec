//===- Backends.cpp - The registered backends ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/driver/Backends.h"
#include "runtime/Registry.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cstring>
#include <mutex>

using namespace mlir;
using namespace narae;
using namespace narae::driver;

namespace {
struct Registry {
  std::mutex mutex;
  std::vector<const NaraeBackendCompiler *> backends;
  /// Of the first so many, the first is the host's and a plugin may take the
  /// place of the others.
  size_t builtIn = 0;
};
Registry &registry() {
  static Registry instance;
  return instance;
}
} // namespace

static void appendText(void *context, const char *data, size_t size) {
  static_cast<std::string *>(context)->append(data, size);
}

static void appendMessage(void *context, const char *, const char *message) {
  auto *text = static_cast<std::string *>(context);
  *text += (text->empty() ? "" : "; ") + std::string(message);
}

/// Names of required functions that a table lacks.
static std::string missingFunctions(const NaraeBackendCompiler &table) {
  std::string missing;
  auto need = [&missing](bool has, const char *name) {
    if (!has)
      missing += std::string(missing.empty() ? "" : ", ") + name;
  };
  need(table.list_chips, "list_chips");
  need(table.describe_target, "describe_target");
  need(table.supports, "supports");
  need(table.configure, "configure");
  need(table.compile, "compile");
  return missing;
}

using Place = std::vector<const NaraeBackendCompiler *>::iterator;

/// The backend of that name, or the end.
static Place placeOf(const NaraeBackendCompiler &backend) {
  return llvm::find_if(registry().backends,
                       [&](const NaraeBackendCompiler *other) {
                         return !std::strcmp(other->name, backend.name);
                       });
}

static bool isReplaceable(Place place) {
  auto index = static_cast<size_t>(place - registry().backends.begin());
  return index > 0 && index < registry().builtIn;
}

bool driver::checkBackend(const NaraeBackendCompiler *backend,
                          std::string &error) {
  // The version says what the members behind it are.
  constexpr size_t header =
      offsetof(NaraeBackendCompiler, api_version) + sizeof(uint32_t);
  if (!backend || backend->struct_size < header) {
    error = "a backend needs a table with a size and a name";
    return false;
  }
  if (backend->api_version != NARAE_BACKEND_API_VERSION) {
    error = runtime::otherVersion("the backend's compiler side",
                                  backend->api_version);
    return false;
  }
  if (backend->struct_size < offsetof(NaraeBackendCompiler, kernel_cost)) {
    error = "the backend's compiler side has an incomplete table (" +
            std::to_string(backend->struct_size) + " bytes, at least " +
            std::to_string(offsetof(NaraeBackendCompiler, kernel_cost)) +
            " are needed)";
    return false;
  }
  if (!backend->name || !*backend->name || std::strchr(backend->name, ':')) {
    error = "a backend needs a name without ':'";
    return false;
  }
  std::string what = "backend '" + std::string(backend->name) + "'";
  if (backend->mlir_version &&
      std::strcmp(backend->mlir_version, LLVM_VERSION_STRING)) {
    error = what + " was built with MLIR " + backend->mlir_version +
            ", this is " + LLVM_VERSION_STRING +
            ": build it with the MLIR that find_package(Narae) names";
    return false;
  }
  if (std::string missing = missingFunctions(*backend); !missing.empty()) {
    error = what + " lacks these functions of its compiler side: " + missing;
    return false;
  }
  std::lock_guard lock(registry().mutex);
  auto place = placeOf(*backend);
  if (place == registry().backends.end() || *place == backend ||
      isReplaceable(place))
    return true;
  error = what + " is registered already; a plugin's backend needs a name of "
                 "its own";
  return false;
}

bool driver::registerBackend(const NaraeBackendCompiler *backend,
                             std::string &error) {
  if (!checkBackend(backend, error))
    return false;
  std::lock_guard lock(registry().mutex);
  auto place = placeOf(*backend);
  if (place == registry().backends.end())
    registry().backends.push_back(backend);
  else
    *place = backend;
  return true;
}

void driver::sealBuiltInBackends() {
  std::lock_guard lock(registry().mutex);
  registry().builtIn = registry().backends.size();
}

/// The backend that a target names: BACKEND, BACKEND:CHIP, or a file that says
/// so.
static std::string backendOf(const std::string &target) {
  if (!StringRef(target).ends_with(".json"))
    return target.substr(0, target.find(':'));
  auto file = llvm::MemoryBuffer::getFile(target);
  if (!file)
    return "";
  auto json = llvm::json::parse((*file)->getBuffer());
  if (!json) {
    llvm::consumeError(json.takeError());
    return "";
  }
  const llvm::json::Object *object = json->getAsObject();
  auto name = object ? object->getString("backend") : std::nullopt;
  return name ? name->str() : "";
}

const NaraeBackendCompiler *driver::findBackend(const std::string &target) {
  std::string name = backendOf(target);
  std::lock_guard lock(registry().mutex);
  for (const NaraeBackendCompiler *backend : registry().backends)
    if (name == backend->name)
      return backend;
  return nullptr;
}

const NaraeBackendCompiler *driver::hostBackend() {
  std::lock_guard lock(registry().mutex);
  return registry().backends.empty() ? nullptr : registry().backends.front();
}

std::vector<std::string> driver::targets() {
  std::vector<std::string> names;
  std::lock_guard lock(registry().mutex);
  for (const NaraeBackendCompiler *backend : registry().backends) {
    names.push_back(backend->name);
    std::string chips;
    backend->list_chips(appendText, &chips);
    SmallVector<StringRef> lines;
    StringRef(chips).split(lines, '\n', -1, /*KeepEmpty=*/false);
    for (StringRef chip : lines)
      names.push_back(std::string(backend->name) + ":" + chip.str());
  }
  return names;
}

std::string driver::describeTarget(const std::string &target,
                                   std::string &error) {
  const NaraeBackendCompiler *backend = findBackend(target);
  if (!backend) {
    if (StringRef(target).ends_with(".json") &&
        !llvm::sys::fs::exists(target)) {
      error = "cannot read target file '" + target + "'";
      return "";
    }
    error = "unknown target '" + target + "'; known are:";
    for (const std::string &name : targets())
      error += " " + name;
    error += ", and .json files whose field \"backend\" is one of these";
    return "";
  }
  std::string json;
  NaraeDiagnosticSink errors{&error, appendMessage};
  if (backend->describe_target({target.data(), target.size()}, appendText,
                               &json, &errors) != 0) {
    if (error.empty())
      error = "target '" + target + "' is not known to its backend";
    return "";
  }
  return json;
}

//===----------------------------------------------------------------------===//
// Target
//===----------------------------------------------------------------------===//

Target::Target(const NaraeBackendCompiler *backend, std::string name,
               const CompileOptions &from)
    : compiler(backend), target(std::move(name)) {
  options.struct_size = sizeof(options);
  options.target = {target.data(), target.size()};
  options.opt_level = from.optLevel;
  options.exact = from.exact;
  options.threads = from.threads;
  options.keep_weights = from.externalWeights;
  options.emulatable = from.emulatable;
}

namespace {
/// Messages of a backend about one op, as diagnostics there. They are held
/// back until the call is over: a backend that shares the context may listen
/// to its diagnostics, and would hear its own words again.
struct OpErrors {
  explicit OpErrors(Operation *op) : op(op) {
    sink = {this, [](void *context, const char *location, const char *text) {
              static_cast<OpErrors *>(context)->messages.push_back(
                  {location ? location : "", text});
            }};
  }
  /// Emits what has come; whether there was anything.
  bool report() {
    for (auto &[location, text] : messages) {
      InFlightDiagnostic diagnostic = op->emitError(text);
      // A module's own place says nothing; a kernel's names its nodes.
      if (isa<ModuleOp>(op) && !location.empty())
        diagnostic.attachNote() << "at " << location;
    }
    return !messages.empty();
  }
  Operation *op;
  std::vector<std::pair<std::string, std::string>> messages;
  NaraeDiagnosticSink sink;
};
} // namespace

bool Target::supports(Operation *op) const {
  OpErrors errors(op);
  NaraeCompileOptions current = options;
  current.target = {target.data(), target.size()};
  if (compiler->supports(op, &current, &errors.sink) == 0)
    return true;
  if (!errors.report())
    op->emitError("'") << op->getName() << "' is not supported on " << target;
  return false;
}

bool Target::configure(ModuleOp module) const {
  OpErrors errors(module);
  NaraeCompileOptions current = options;
  current.target = {target.data(), target.size()};
  int status =
      compiler->configure(module.getOperation(), &current, &errors.sink);
  errors.report();
  return status == 0;
}

bool Target::compile(ModuleOp module, std::string &object) const {
  OpErrors errors(module);
  NaraeCompileOptions current = options;
  current.target = {target.data(), target.size()};
  int status = compiler->compile(module.getOperation(), &current, appendText,
                                 &object, &errors.sink);
  errors.report();
  return status == 0;
}
