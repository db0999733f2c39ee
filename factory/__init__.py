"""What is asked of the language model, and what it answered: spec, plan, prompts, journal, parse.

The bottom room: it imports nothing from the other rooms (a test holds the rule).
"""
