"""Batches, runs and their checkpoints, the live view, replicas, shards."""
