"""A subset of CEL, the Common Expression Language, compiled to one Python function for all rules of a policy.

``parser`` reads text into ``syntax``, ``check`` finds the types, ``emit`` writes Python source from a
closed list of constructs, ``runtime`` and ``regex`` are what that source may call. What the subset means is
what CEL means; ``tests/policy`` compares it with Google's implementation on random expressions.

Not in the subset: floating point, unsigned, bytes, null, maps, indexing, field selection, macros, time.
"""
