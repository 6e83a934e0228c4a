"""What every test file stands on: folders of this run's own.

Compiled kernels are kept in one; no test sees what the user's machine was measured to be.
"""

from __future__ import annotations

import atexit
import os
import tempfile

# Set before anything compiles; workers of a parallel run inherit it and share what they compile.
if "AFX_CACHE_DIR" not in os.environ:
    _folder = tempfile.TemporaryDirectory(prefix="afx-kernels-")
    os.environ["AFX_CACHE_DIR"] = _folder.name
    atexit.register(_folder.cleanup)

_config = tempfile.TemporaryDirectory(prefix="afx-config-")
os.environ["AFX_CONFIG_DIR"] = _config.name
atexit.register(_config.cleanup)
