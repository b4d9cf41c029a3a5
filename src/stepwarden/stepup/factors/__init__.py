"""One module for each kind of factor: what an answer looks like, when it is right. No state, no counting."""
