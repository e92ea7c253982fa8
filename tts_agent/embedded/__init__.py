"""The tiny language model that makes the first command work with no key and no network."""
