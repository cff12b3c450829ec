//===- Artifact.cpp - An artifact as the C API shows it ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/Artifact.h"
#include "lib/artifact/ProgramVerifier.h"

using namespace narae;
using namespace narae::artifact;
using namespace narae::runtime;

static const char *nameOf(const Program &program, const DimSpec &dim) {
  return dim.name() < count(program.names())
             ? program.names()->Get(dim.name())->c_str()
             : "";
}

static std::vector<TensorInfo> describeTensors(
    const Program &program,
    const flatbuffers::Vector<flatbuffers::Offset<TensorSpec>> *specs) {
  std::vector<TensorInfo> result(count(specs));
  for (uint32_t i = 0; i < result.size(); ++i) {
    const TensorSpec &spec = *specs->Get(i);
    TensorInfo &tensor = result[i];
    for (uint32_t d = 0; d < count(spec.dims()); ++d) {
      const DimSpec &dim = *spec.dims()->Get(d);
      if (dim.value() >= 0)
        tensor.dims.push_back({dim.value(), dim.value(), dim.value(), ""});
      else
        tensor.dims.push_back({-1, dim.min(), dim.max(), nameOf(program, dim)});
    }
    tensor.info = {text(spec.name()), static_cast<narae_type>(spec.type()),
                   tensor.dims.size(), tensor.dims.data()};
  }
  return result;
}

static StateInfo describeState(const State &state) {
  StateInfo result;
  for (uint32_t i = 0; i < count(state.dims()); ++i) {
    int64_t dim = state.dims()->Get(i);
    result.dims.push_back({dim, dim, dim, ""});
  }
  result.info = {{text(state.name()), static_cast<narae_type>(state.type()),
                  result.dims.size(), result.dims.data()},
                 state.size(),
                 text(state.kind()),
                 state.axis(),
                 state.window()};
  return result;
}

narae_artifact::narae_artifact(std::unique_ptr<Reader> opened)
    : reader(std::move(opened)) {
  const Program &program = reader->program();
  for (uint32_t i = 0; i < count(program.entries()); ++i) {
    const Entry &entry = *program.entries()->Get(i);
    entries.push_back({text(entry.name()),
                       describeTensors(program, entry.inputs()),
                       describeTensors(program, entry.outputs())});
  }
  for (uint32_t i = 0; i < count(program.states()); ++i)
    states.push_back(describeState(*program.states()->Get(i)));
}
