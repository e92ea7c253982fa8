"""Trains, exports and measures the embedded model. Needs torch; not part of the package."""
