"""What every plugin keeps to, whatever it does: `pytest --koipond-conformance`.

shape      its tables, keys, jobs, fields, invariants and what it says of members
starting   it starts alone and beside all others, and importing it changes nothing
migrating  it is installed, upgraded and purged, and core's tables and rows stay as they were
living     a shop with it sells: what it holds, what it repeats, what it costs, what it reaches
suite      the tests, one for each rule and plugin

Each rule is a function that returns what is broken, each with the way out; nothing is well.
"""
