"""Attackers: one script for each technique of ATT&CK, against the simulated site. See ``docs/simulation-attacks.md``.

They know what an attacker can know: names, a leaked password, a victim's town or browser, what the site answers. They
share no code and no number with the signals and the rules that they are run against; a contract holds that.
"""
