"""Kernels and the GPU path where there is no GPU.

fibers.hpp, launch.hpp  every CUDA thread a fiber, every wait watched
shim.hpp                the words of CUDA for g++
gxx.py, shim.py         compile a .cu with them and launch its kernels on NumPy arrays
tensor_core.hpp         the warp's matrix instructions
array.py, indices.py    `cupy.ndarray`: NumPy inside, CuPy's refusals and differences outside
memory.py, streams.py   poisoned memory between guard zones; streams, graphs, and what makes the host wait
tables.py, functions.py, libraries.py, blas.py                the functions
raw.py                  RawModule and RawKernel, through the shim
modules.py, install.py  puts all of it in place of CuPy for a test, and takes it away again
"""
