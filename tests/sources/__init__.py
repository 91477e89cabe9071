"""A package, because other folders have modules of the same names."""
