"""Arguments -> messages, messages -> results. Nothing here talks to a server; both clients use it.

The only I/O is reading the picture or recipe file that an argument names.
"""
