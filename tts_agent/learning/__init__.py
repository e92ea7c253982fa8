"""From recorded or drawn samples to what routing needs to know of them: labels, estimators, probes."""
