"""Templates of dataset and model cards (Jinja, package data)."""
