"""The long fault run, `make chaos`: jobs go in over HTTP while everything is killed, paused and taken away."""

import os
import sys
from pathlib import Path

PLUGIN = Path(__file__).parents[2] / "plugin"

# The plug-in's kind is known to this process and to every process that it starts.
if str(PLUGIN) not in sys.path:
    sys.path.insert(0, str(PLUGIN))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PLUGIN), os.environ.get("PYTHONPATH")]))
