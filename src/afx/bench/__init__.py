"""The profiler: how fast this machine is, at what, and which settings suit it.

``fields`` measures networks and patterns, ``render`` the whole job, ``encode`` the encoders;
``peak`` is what they are compared with. ``advice`` draws conclusions, ``page`` and ``tables`` show
them, ``files`` and ``keeping`` write them.
Knows the library from ``production`` down; knows neither options nor terminals beyond ``tables``.
"""
