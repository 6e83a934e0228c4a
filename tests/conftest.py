"""What every test file stands on: compiled kernels are kept in a folder of this run's own."""

from __future__ import annotations

import atexit
import os
import tempfile

# Set before anything compiles; workers of a parallel run inherit it and share what they compile.
if "AFX_CACHE_DIR" not in os.environ:
    _folder = tempfile.TemporaryDirectory(prefix="afx-kernels-")
    os.environ["AFX_CACHE_DIR"] = _folder.name
    atexit.register(_folder.cleanup)
