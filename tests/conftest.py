"""Settings shared by all tests: offline, headless, repeatable."""

import os

from hypothesis import HealthCheck, settings

# Set before any test module imports the libraries that read these at import.
os.environ.update(
    HF_HUB_OFFLINE="1",
    TRANSFORMERS_OFFLINE="1",
    TOKENIZERS_PARALLELISM="false",
    MPLBACKEND="Agg",
)

# No deadlines: machines are shared, and a slow example is not a wrong one.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# CI must answer the same twice: its examples depend on the test alone, not on chance or on an earlier run.
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))
