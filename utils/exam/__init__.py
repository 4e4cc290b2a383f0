"""Where a model stands beside Bach."""
