"""The profiler: what this machine can do, and which settings use it best."""
