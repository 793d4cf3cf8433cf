"""How a model learns: from data to a run directory."""
