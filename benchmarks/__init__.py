"""Where the figures in README and docs come from; each module is a command."""
