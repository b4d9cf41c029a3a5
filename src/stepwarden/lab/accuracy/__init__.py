"""How well a policy tells attackers from people: measured on the results of a simulation, shown, and compared."""
