#include "backends/npu/compiler/ops/Helpers.h"
void narae::npu::registerMatmulOps(OpTable &) {}
