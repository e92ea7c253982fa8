"""LangGraph nodes: adaptive reasoning inside graphs that people already have."""
