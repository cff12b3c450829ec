//===- ModelReader.cpp - From a file or bytes to an ONNX message ----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/ModelReader.h"

#include "lib/frontend/onnx/Proto.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/logging.h>

using namespace mlir;
using namespace narae;
using namespace narae::onnx;

/// The messages are ours; protobuf's own go to no log.
static void ignoreLog(google::protobuf::LogLevel, const char *, int,
                      const std::string &) {}

/// Reports what is wrong with the versions of the operator sets.
static LogicalResult checkOpsets(const ::onnx::ModelProto &model,
                                 EmitError emitError) {
  bool hasDefault = false;
  for (const ::onnx::OperatorSetIdProto &opset : model.opset_import()) {
    if (!opset.domain().empty() && opset.domain() != "ai.onnx")
      continue;
    hasDefault = true;
    if (opset.version() < kMinOpset)
      return emitError() << "the model uses operator set " << opset.version()
                         << ", older than the oldest supported one, "
                         << kMinOpset
                         << "; convert it with onnx.version_converter",
             failure();
    if (opset.version() > kMaxOpset)
      return emitError() << "the model uses operator set " << opset.version()
                         << ", newer than the newest supported one, "
                         << kMaxOpset << "; export it for that one",
             failure();
  }
  if (!hasDefault && model.opset_import().empty())
    return emitError() << "the model does not say which operator set it uses "
                          "(opset_import is empty)",
           failure();
  return success();
}

std::unique_ptr<::onnx::ModelProto>
narae::onnx::readModel(StringRef bytes, EmitError emitError) {
  if (bytes.empty()) {
    emitError() << "the file is empty";
    return nullptr;
  }
  if (bytes.size() >= INT32_MAX) {
    emitError() << "the file has " << bytes.size()
                << " bytes; ONNX messages end at 2 GiB: save the weights as "
                   "external data";
    return nullptr;
  }
  static google::protobuf::LogHandler *const previous =
      google::protobuf::SetLogHandler(ignoreLog);
  (void)previous;
  auto model = std::make_unique<::onnx::ModelProto>();
  bool parsed = model->ParseFromArray(bytes.data(), bytes.size());
  // Nearly any bytes are some message: a model has at least these.
  if (!parsed || !model->has_graph() || !model->has_ir_version()) {
    emitError() << "this is not an ONNX model, or it is truncated";
    return nullptr;
  }
  if (model->ir_version() < 1 || model->ir_version() > kMaxIrVersion) {
    emitError() << "the model has IR version " << model->ir_version()
                << "; versions 1 to " << kMaxIrVersion << " are supported";
    return nullptr;
  }
  if (failed(checkOpsets(*model, emitError)))
    return nullptr;
  return model;
}
