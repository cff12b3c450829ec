//===- CompilerBindings.cpp - The compiler for Python ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "python/bindings/Bindings.h"

#include "lib/driver/Compiler.h"

#include <pybind11/stl.h>

#include <memory>

namespace py = pybind11;
using namespace narae::driver;
using narae::python::text;

static Phase phaseOf(const std::string &name) {
  Phase phase;
  if (!parsePhase(name, phase))
    throw py::value_error("unknown phase '" + name + "'; there are " +
                          phaseNames());
  return phase;
}

static const char *severityName(const Diagnostic &diagnostic) {
  switch (diagnostic.severity) {
  case Diagnostic::Error:
    return "error";
  case Diagnostic::Warning:
    return "warning";
  case Diagnostic::Note:
    break;
  }
  return "note";
}

/// Calls a Python function from compiler code, through which no exception may
/// pass: the first one ends the calls and is reported as unraisable.
static std::function<void(double, const char *)> guarded(py::object callable) {
  // Destroyed with the GIL held, wherever the last copy ends.
  std::shared_ptr<py::object> function(new py::object(std::move(callable)),
                                       [](py::object *object) {
                                         py::gil_scoped_acquire acquired;
                                         delete object;
                                       });
  return [function](double done, const char *phase) {
    py::gil_scoped_acquire acquired;
    if (function->is_none())
      return;
    try {
      (*function)(done, phase);
    } catch (py::error_already_set &error) {
      error.discard_as_unraisable("the progress callback of narae.compile");
      *function = py::none();
    }
  };
}

static void bindOptions(py::module_ &module) {
  py::class_<CompileOptions> options(module, "CompileOptions");
  options.def(py::init<>())
      .def_readwrite("target", &CompileOptions::target)
      .def_readwrite("precision", &CompileOptions::precision)
      .def_readwrite("all_dynamic", &CompileOptions::allDynamic)
      .def_readwrite("exact", &CompileOptions::exact)
      .def_readwrite("external_weights", &CompileOptions::externalWeights)
      .def_readwrite("emulatable", &CompileOptions::emulatable)
      .def_readwrite("without_weights", &CompileOptions::withoutWeights)
      .def_property(
          "batch",
          [](const CompileOptions &self) { return self.language.batch; },
          [](CompileOptions &self, int64_t n) { self.language.batch = n; })
      .def_property(
          "context",
          [](const CompileOptions &self) { return self.language.context; },
          [](CompileOptions &self, int64_t n) { self.language.context = n; })
      .def_property(
          "kv_type",
          [](const CompileOptions &self) { return self.language.kvType; },
          [](CompileOptions &self, const std::string &type) {
            self.language.kvType = type;
          })
      .def_property(
          "prefill_chunk",
          [](const CompileOptions &self) { return self.language.prefillChunk; },
          [](CompileOptions &self, int64_t n) {
            self.language.prefillChunk = n;
          })
      .def_property(
          "quantize",
          [](const CompileOptions &self) { return self.language.quantize; },
          [](CompileOptions &self, const std::string &type) {
            self.language.quantize = type;
          })
      .def_property(
          "ignore",
          [](const CompileOptions &self) { return self.language.ignore; },
          [](CompileOptions &self, const std::vector<std::string> &names) {
            self.language.ignore = names;
          })
      .def_readwrite("opt_level", &CompileOptions::optLevel)
      .def_readwrite("threads", &CompileOptions::threads)
      .def_readwrite("dump_phases", &CompileOptions::dumpPhases)
      .def_readwrite("reproducer_dir", &CompileOptions::reproducerDir)
      .def("set_dim",
           [](CompileOptions &self, const std::string &name, int64_t min,
              int64_t max) { self.dims[name] = DimBounds{min, max}; })
      .def("set_start_from",
           [](CompileOptions &self, const std::string &name) {
             self.startFrom = phaseOf(name);
           })
      .def("set_stop_after",
           [](CompileOptions &self, const std::string &name) {
             self.stopAfter = phaseOf(name);
           })
      .def("set_progress", [](CompileOptions &self, py::object callable) {
        self.progress = guarded(std::move(callable));
      });
}

static void bindResult(py::module_ &module) {
  py::class_<Diagnostic>(module, "Diagnostic")
      .def_property_readonly("severity", &severityName)
      .def_property_readonly("location",
                             [](const Diagnostic &diagnostic) {
                               return text(diagnostic.location);
                             })
      .def_property_readonly("message", [](const Diagnostic &diagnostic) {
        return text(diagnostic.message);
      });
  py::class_<CompileResult>(module, "CompileResult")
      .def_readonly("status", &CompileResult::status)
      .def_readonly("diagnostics", &CompileResult::diagnostics)
      .def_property_readonly(
          "ir", [](const CompileResult &result) { return text(result.ir); })
      .def_property_readonly("report", [](const CompileResult &result) {
        return text(result.report);
      });
}

void narae::python::bindCompiler(py::module_ &module) {
  bindResult(module);
  bindOptions(module);
  module.def("compile", &narae::driver::compile,
             py::call_guard<py::gil_scoped_release>());
  module.def("compile_bytes",
             [](const py::bytes &model, const std::string &name,
                const std::string &directory, const std::string &output,
                const CompileOptions &options) {
               // The caller's reference keeps the bytes alive.
               std::string_view view = model;
               py::gil_scoped_release released;
               return compileBytes(view, name, directory, output, options);
             });
  module.def("check", &narae::driver::check,
             py::call_guard<py::gil_scoped_release>());
  module.def("check_bytes",
             [](const py::bytes &model, const std::string &name,
                const std::string &directory, const CompileOptions &options) {
               std::string_view view = model;
               py::gil_scoped_release released;
               return checkBytes(view, name, directory, options);
             });
  module.def("run_pipeline",
             [](const std::string &ir, const std::string &pipeline) {
               py::gil_scoped_release released;
               return runPipeline(ir, pipeline);
             });
  module.def("load_plugin", [](const std::string &path) {
    std::string error;
    if (!loadPlugin(path, error))
      throw std::runtime_error(error);
  });
  module.def("targets", &narae::driver::targets);
  module.def("describe_target", [](const std::string &target) {
    std::string error;
    std::string json = describeTarget(target, error);
    if (!error.empty())
      throw py::value_error(error);
    return json;
  });
  module.def("version", &narae::driver::version);
  module.def("phases", [] { return phaseNames(); });
}
