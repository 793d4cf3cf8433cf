"""Models that answer: versions with their signatures, found by name, run in batches."""
