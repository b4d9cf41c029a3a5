"""The demonstration: Stepwarden, a small bank behind it, people with habits, and attackers.

    python -m demo                       everything, until Ctrl-C
    python -m demo --attack stuffing     the same with an attacker, and a summary
    python -m demo code alice            the current one-time code of a demo user

None of this ships in the wheel, and nothing here leaves the loopback interface.
"""
