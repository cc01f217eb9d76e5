"""Tasks with a long lag, learned by recurrent networks: how far back does training reach, and for which network?

Read sequences.py (the tasks), networks.py and learning.py (the training) first; every other file is an experiment.
"""
