// RUN: narae-opt %s --narae-form-kernels --cse | FileCheck %s --check-prefix=FORM
// RUN: narae-opt %s --narae-form-kernels --cse --narae-schedule --narae-verify-schedule | FileCheck %s

// Moving and comparing is work of kernels; what makes strings is the host's,
// and its result can be an output.

// FORM: rt.kernel @cmp
// FORM-LABEL: func.func @words
// FORM: %[[L:.*]] = rt.call "lower"(%arg0) [%{{.*}}] pattern "" limit -1 : (tensor<?x!fm.string>) -> tensor<?x!fm.string>
// FORM: rt.dispatch @cmp{{.*}}(%[[L]]

// CHECK-LABEL: func.func @words
// CHECK: %[[L:.*]] = hbm.buffer {{.*}} : tensor<?x!fm.string>{{.*}} in "arena"
// CHECK: rt.invoke "lower"(%{{.*}}) -> %[[L]] pattern "" limit -1
// CHECK: rt.launch
// CHECK: %[[U:.*]] = hbm.buffer {{.*}} in "output"
// CHECK: rt.invoke "upper"(%{{.*}}) -> %[[U]]
func.func @words(%x: tensor<?x!fm.string> {fm.dims = ["n"]}) -> (tensor<?xi1>, tensor<?x!fm.string>) {
  %l = fm.text %x {function = "lower", to = !fm.string} : (tensor<?x!fm.string>) -> tensor<?x!fm.string>
  %e = fm.cmp %l, %x {predicate = "eq"} : (tensor<?x!fm.string>, tensor<?x!fm.string>) -> tensor<?xi1>
  %u = fm.text %x {function = "upper", to = !fm.string} : (tensor<?x!fm.string>) -> tensor<?x!fm.string>
  return %e, %u : tensor<?xi1>, tensor<?x!fm.string>
}
