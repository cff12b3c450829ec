// RUN: narae-opt %s --narae-plan-spaces=target=%S/../../../backends/npu/targets/rebel-quad.json --narae-plan-memory --narae-verify-memory | FileCheck %s
// RUN: narae-opt %s --narae-plan-spaces=target=%S/../../../backends/nvidia/targets/h100.json --narae-plan-memory --narae-verify-memory | FileCheck %s --check-prefix=GPU
// RUN: not narae-opt %s --narae-plan-spaces=target=%S/missing.json 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not narae-opt %s --narae-plan-spaces=target=%s 2>&1 | FileCheck %s --check-prefix=BAD

// One chiplet: 36 GiB less 1, and 64 MiB of SRAM that 8 engines fill, 128 bytes
// a cycle of 1 / 1,953,125,000 s each, 500 of which are 256 ns.
// CHECK: hbm.space @hbm "HBM3E" capacity 38654705664 {granule = 2097152 : i64, reserve = 1073741824 : i64}
// CHECK: hbm.space @shared "SRAM" capacity 67108864 over @hbm {channels = 8 : i64, drain = 250000000000 : i64, fill = 250000000000 : i64, granule = 64 : i64, startup = 256 : i64}
// The caches of a GPU are filled by hardware.
// GPU-NOT: hbm.space
// MISSING: cannot read target file '{{.*}}missing.json'
// BAD: the target file is not a JSON object

rt.kernel @neg attributes {symbols = [], arg_dims = [affine_map<() -> (256)>], result_dims = [affine_map<() -> (256)>], nodes = [], device = "any"} {
^bb0(%x: tensor<256xf32>):
  %0 = fm.neg %x : (tensor<256xf32>) -> tensor<256xf32>
  fm.yield %0 : tensor<256xf32>
}
// CHECK-LABEL: func.func @two
// CHECK: hbm.buffer "a" : tensor<256xf32>[] in "shared"
// GPU-LABEL: func.func @two
// GPU: hbm.buffer "a" : tensor<256xf32>[] in "arena" live[3, 9)
func.func @two() {
  %x = rt.arg 0 "x" : tensor<256xf32> {bounds = array<i64: 256, 256>, dims = [""]}
  %a = hbm.buffer "a" : tensor<256xf32> [] in "arena" live [3, 9)
  %y = hbm.buffer "y" : tensor<256xf32> [] in "output" live [5, 10)
  rt.launch @neg(%x) -> (%a) []
  rt.launch @neg(%a) -> (%y) []
  rt.output 0 "y", %y
  return
}
