"""Tuning from history: a proposal of weights and thresholds, what each rule is worth, and what preceded attacks."""
