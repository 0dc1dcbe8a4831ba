// The Mersenne Twister, and the draws that Python and PyTorch make from it.

export { seedTwister, type Twister } from './python.js'
export { seedTorch, type TorchGenerator, toBfloat16 } from './torch.js'
