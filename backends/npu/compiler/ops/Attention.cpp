#include "backends/npu/compiler/ops/Helpers.h"
void narae::npu::registerAttentionOps(OpTable &) {}
