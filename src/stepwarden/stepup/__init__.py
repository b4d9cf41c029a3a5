"""The life cycle of challenges, and the factors that answer them."""
