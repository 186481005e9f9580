"""Interfaces: one module per family of models, each opened with its own package.

Nothing here imports such a package until it is used; a missing one says how to install it.
"""
