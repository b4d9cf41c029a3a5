"""Step-up by an OpenID provider that the operator already has."""
