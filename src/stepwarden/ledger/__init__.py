"""The tamper-evident log: bytes in; tree, notes, tiles, proofs, sequencer, verifier out. Knows no events."""
