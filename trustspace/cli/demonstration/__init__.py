"""The demonstration: three nodes as processes, driven over their management interfaces alone, step by step.

Each step looks before it acts, so that what was done before a crash is found and not done again; the journal only saves
the looking. `story` is the list of steps, `running` goes through it.
"""
