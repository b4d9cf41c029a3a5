"""Back-tests: what another policy would have answered to an installation's own history."""
