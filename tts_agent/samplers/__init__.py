"""Doors to models."""
