"""Step-up: the life of a challenge, the factors that answer it, and the standing that a session holds.

``binding`` ties a challenge to one action, ``issue`` makes it, ``gate`` looks at answers, ``state`` is the
fold of the log that both read; ``factors`` know one kind of answer each, ``assurance`` what they are worth.
No input or output, no clock, no randomness of its own.
"""
