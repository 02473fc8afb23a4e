"""What was loaded before the platform stays: Dagster and all that it brings.

Loading makes enough objects for Python to look through all of them for garbage, Dagster's too. That
took a third of what the definitions cost, and every run is a process that pays for it: so they are
put out of its sight first. Imported once, by `definitions.py`, before the rest.
"""

import gc

gc.freeze()
