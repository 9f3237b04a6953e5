"""The gallery: a web page over a server's calls. It needs the extra `gallery`, and nothing else of this package imports it.

Rules: it asks the server for everything by AsyncClient, so limits, tokens and errors are the calls' own. Its state is the drawings under
way (`drawings.py`), what the server told lately (`catalogue.py`) and the pictures on disk (`shelf.py`). Pages work without JavaScript,
but for watching and for sliders.
"""
