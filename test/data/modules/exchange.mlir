// The two states change places in every run.
fm.state @a : tensor<4xf32>
fm.state @b : tensor<4xf32>
func.func @put(%x: tensor<4xf32> {fm.name = "x"}) {
  fm.state_write @a, %x : tensor<4xf32>
  return
}
func.func @exchange() -> (tensor<4xf32> {fm.name = "a"}) {
  %a = fm.state_read @a : tensor<4xf32>
  %b = fm.state_read @b : tensor<4xf32>
  fm.state_write @a, %b : tensor<4xf32>
  fm.state_write @b, %a : tensor<4xf32>
  return %a : tensor<4xf32>
}
