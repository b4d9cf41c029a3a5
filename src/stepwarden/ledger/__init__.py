"""The tamper-evident log: bytes in; tree, notes, checkpoints, tiles, proofs, sequencer and verifier out. Knows no events."""
