"""Turns the Parquet training sets of `tidemark replay` into content-addressed model bundles."""
